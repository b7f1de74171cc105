package main

import (
	"bytes"
	"slices"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/kvs/stage/sockets"
)

// units tells what each unit of a session is and says, in order.
func units(session *inspect.Session) (all []string) {
	for r := range session.Records() {
		all = append(all, r.Side.String()+" "+r.Name()+" "+string(r.Plaintext()))
	}
	return all
}

func TestACaptureOfAProtocolIsReadAgainAsItWas(t *testing.T) {
	for name, open := range map[string]inspect.Stage{
		"kv":         &stage.Setting{Channel: stage.ChannelClear},
		"sealed":     &stage.Sealed{},
		"sockets-v3": &stage.Sockets{Version: sockets.V3},
	} {
		t.Run(name, func(t *testing.T) {
			tap := inspect.NewTap()
			play, err := open.Open(t.Context(), tap)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := play.Do(t.Context(), map[string]string{"kv": "create nome ana", "sealed": "STAT", "sockets-v3": "adicionar 7 caneta 2.5"}[name]); err != nil {
				t.Fatal(err)
			}
			play.Close()
			var file bytes.Buffer
			writer := capture.NewWriter(&file)
			if err := writer.Extend(tap.Recording()); err != nil {
				t.Fatal(err)
			}
			writer.Close()
			protocols := stage.Protocols()
			i := slices.IndexFunc(protocols, func(p inspect.Protocol) bool { return p.Name() == name })
			if i < 0 {
				t.Fatal("no such protocol")
			}
			again, err := capture.ReadAs(&file, protocols[i])
			if err != nil {
				t.Fatal(err)
			}
			want, got := units(inspect.NewSession(tap.Recording())), units(inspect.NewSession(again))
			if len(want) < 2 || !slices.Equal(got, want) {
				t.Errorf("got %q\nwant %q", got, want)
			}
		})
	}
}
