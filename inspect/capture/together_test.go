package capture_test

import (
	"bytes"
	"crypto/tls"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

// sentBy returns what a file of a Writer has of one side's packets, with its secrets.
func sentBy(side inspect.Side, file []byte) []byte {
	return packets(file, func(_ int, packet []byte) []byte {
		if source := packet[11]; source != 1+byte(side) {
			return nil
		}
		return packet
	})
}

// readTogether reads files that are open at once.
func readTogether(files ...[]byte) (*inspect.Recording, []*capture.File) {
	reader := capture.NewReader(nil)
	var opened []*capture.File
	size := 0
	for _, file := range files {
		opened = append(opened, reader.Open(bytes.NewReader(file)))
		size += len(file)
	}
	for reader.Next() {
	}
	reader.Close()
	if reader.Offset() != int64(size) {
		panic("not all was read")
	}
	return reader.Recording(), opened
}

func TestFilesThatHaveADirectionEachAreReadInTheOrderOfTime(t *testing.T) {
	file := written(t, inMemory(t, tls.VersionTLS13, []string{"create nome ana\n", strings.Repeat("x", 100_000), "read nome\n"}, []string{"again\n"}))
	want := told(read(t, file))
	client, server := sentBy(inspect.Client, file), sentBy(inspect.Server, file)
	for name, files := range map[string][][]byte{
		"the client's first":         {client, server},
		"the server's first":         {server, client},
		"with all of it twice":       {file, client, server},
		"and one that is no capture": {client, []byte("hello"), server},
	} {
		t.Run(name, func(t *testing.T) {
			rec, opened := readTogether(files...)
			if diff := cmp.Diff(want, told(rec)); diff != "" {
				t.Errorf("(-in one file +in several):\n%s", diff)
			}
			for i, file := range opened {
				if wrong := len(files[i]) < 10; (file.Err() != nil) != wrong || file.Read() == wrong {
					t.Errorf("file %d: read: %t, error %v", i, file.Read(), file.Err())
				}
			}
		})
	}
}

func TestAFileThatIsDamagedDoesNotKeepOthersFromBeingRead(t *testing.T) {
	file := written(t, inMemory(t, tls.VersionTLS12, []string{"create nome ana\n"}))
	client, server := sentBy(inspect.Client, file), sentBy(inspect.Server, file)
	rec, opened := readTogether(client[:len(client)-10], server)
	if err := opened[0].Err(); err == nil || !strings.Contains(err.Error(), "ends within a block") {
		t.Errorf("of the one that is cut: %v", err)
	}
	if err := opened[1].Err(); err != nil {
		t.Errorf("of the other: %v", err)
	}
	if got, want := len(told(rec)), len(told(read(t, file))); got < want-1 { // what is cut may be the client's end, if that came last
		t.Errorf("%d items, and without damage %d", got, want)
	}
}
