package inspect_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/echkey"
	"example.com/tlslab/testdata/needs"
)

func TestEveryCommandOfAnInnerHellosSealReproducesItsValue(t *testing.T) {
	needs.Program(t, "openssl")
	for _, a := range [][3]uint16{{0x0020, 0x0001, 0x0001}, {0x0010, 0x0001, 0x0003}, {0x0011, 0x0002, 0x0002}, {0x0012, 0x0003, 0x0002}} {
		t.Run(fmt.Sprintf("%04x %04x %04x", a[0], a[1], a[2]), func(t *testing.T) {
			client, server := echConfigs(t, echkey.New(t, 7, a[0], a[1], a[2]))
			client.CurvePreferences, server.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}, []tls.CurveID{tls.CurveP384}
			v, _ := lastView(t, echTalk(t, client, server))
			for i, o := range hellos(v) {
				values := o.Sealing()
				reproduce(t, values, 10)
				if got := names13(values); got != "dh, eae_prk, shared_secret, secret, key, base_nonce, sequence number, nonce, ClientHelloOuterAAD, EncodedClientHelloInner" {
					t.Errorf("hello %d: %s", i, got)
				}
			}
			confirmations := v.Confirmations()
			reproduce(t, confirmations, 4)
			proofs := 0
			for _, c := range v.Verifications() {
				if c.Kind == "ech_confirmation" {
					if value := confirmations[2*proofs+1]; !bytes.Equal(value.Bytes, c.Got) {
						t.Errorf("%s is %x, sent was %x", value.Name, value.Bytes, c.Got)
					}
					proofs++
				}
			}
			if proofs != 2 {
				t.Errorf("%d confirmations", proofs)
			}
		})
	}
}

func names13(values []inspect.Value) string {
	var names []string
	for _, value := range values {
		names = append(names, value.Name)
	}
	return strings.Join(names, ", ")
}

func TestTheSealOfAHelloThatAKeyLogOpensBeginsAtTheSharedSecret(t *testing.T) {
	client, server := echConfigs(t, echkey.Common(t))
	recording := echTalk(t, client, server)
	secrets := inspect.ECHSecrets(sent(recording), keysOf(recording)...)
	for i := range secrets {
		secrets[i].Origin = inspect.FromFile
	}
	v, _ := lastView(t, without(recording, []string{inspect.LabelECHKey}, secrets...))
	values := hellos(v)[0].Sealing()
	if first := values[0]; first.Name != "shared_secret" || !first.Logged || first.Origin != inspect.FromFile || first.Command != "" {
		t.Errorf("it begins with %s, logged %t, of the origin %s", first.Name, first.Logged, first.Origin)
	}
	if len(values) != 8 {
		t.Errorf("%s", names13(values))
	}
}

func TestWhatIsNotOpenedHasNoSeal(t *testing.T) {
	client, server := echConfigs(t, echkey.Common(t))
	v, _ := lastView(t, without(echTalk(t, client, server), []string{inspect.LabelECHKey}))
	if values := hellos(v)[0].Sealing(); values != nil {
		t.Errorf("%s", names13(values))
	}
	if values := v.Confirmations(); values != nil {
		t.Errorf("%s", names13(values))
	}
}

func TestEveryValueOfASealIsExplainedInBothLanguages(t *testing.T) {
	client, server := echConfigs(t, echkey.Common(t))
	client.CurvePreferences, server.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}, []tls.CurveID{tls.CurveP384}
	v, _ := lastView(t, echTalk(t, client, server))
	for _, value := range append(hellos(v)[0].Sealing(), v.Confirmations()...) {
		for _, lang := range []string{"en", "pt-BR"} {
			if docs.For(lang).Explain(value.Kind) == "" {
				t.Errorf("nothing is said in %s of %s", lang, value.Kind)
			}
		}
	}
}
