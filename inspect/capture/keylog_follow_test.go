package capture_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

// A logKeeper writes a key log as other programs do, and sees what is learned of it.
type logKeeper struct {
	*testing.T
	name    string
	learned chan string
	told    chan error
	stop    func()
}

func followKeyLog(t *testing.T) *logKeeper {
	k := &logKeeper{T: t, name: filepath.Join(t.TempDir(), "keys.log"), learned: make(chan string, 100), told: make(chan error, 100)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		capture.FollowKeyLog(ctx, k.name, func(secrets ...inspect.LoggedSecret) {
			for _, secret := range secrets {
				k.learned <- fmt.Sprintf("%s %x %x", secret.Label, secret.ClientRandom, secret.Bytes)
			}
		}, func(err error) { k.told <- err })
	}()
	k.stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(k.stop)
	return k
}

func (k *logKeeper) write(text string) {
	k.Helper()
	file, err := os.OpenFile(k.name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err == nil {
		_, err = file.WriteString(text)
		file.Close()
	}
	if err != nil {
		k.Fatal(err)
	}
}

func (k *logKeeper) wants(lines ...string) {
	k.Helper()
	for _, want := range lines {
		select {
		case got := <-k.learned:
			if got != want {
				k.Fatalf("learned %s, want %s", got, want)
			}
		case <-time.After(30 * time.Second):
			k.Fatalf("never learned %s", want)
		}
	}
}

func TestAKeyLogIsFollowedAsItGrowsIsRotatedAndCut(t *testing.T) {
	k := followKeyLog(t) // before there is a file
	k.write("# a comment\nONE aa 01\nTW")
	k.wants("ONE aa 01")
	k.write("O aa 02\r\n\nTHREE aa 03\nFOUR aa 0")
	k.wants("TWO aa 02", "THREE aa 03")

	if err := os.Rename(k.name, k.name+".1"); err != nil { // what its writer adds still counts
		t.Fatal(err)
	}
	old, err := os.OpenFile(k.name+".1", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	old.WriteString("4\nFIVE aa 05")
	old.Close()
	k.write("SIX aa 06\n")
	k.wants("FOUR aa 04", "FIVE aa 05", "SIX aa 06")

	if err := os.Truncate(k.name, 0); err != nil {
		t.Fatal(err)
	}
	k.write("S aa 7\n")
	select {
	case err := <-k.told:
		if text := err.Error(); text != "key log line 1: the secret is not an even number of hex digits" {
			t.Error(text)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("a line that is wrong was not told")
	}
	k.write("SEVEN aa 07\n")
	k.wants("SEVEN aa 07")
	if err := os.Remove(k.name); err != nil {
		t.Fatal(err)
	}
	k.write("EIGHT aa 08\nNINE aa 09")
	k.wants("EIGHT aa 08")
	k.stop()
	k.wants("NINE aa 09")
}

func TestAFollowedLineIsNeverReadInHalfAndNeverWithoutBound(t *testing.T) {
	k := followKeyLog(t)
	for _, b := range "HALF aabb 0102" {
		k.write(string(b))
	}
	k.write("\nLONG aa " + strings.Repeat("00", 20<<10) + "\nAFTER aa 03\n")
	k.wants("HALF aabb 0102", "AFTER aa 03")
	if err := <-k.told; err.Error() != "key log line 2: longer than 16384 bytes" {
		t.Error(err)
	}
}

func TestWhatIsNoFileIsToldOnce(t *testing.T) {
	k := followKeyLog(t)
	if err := os.Mkdir(k.name, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := <-k.told; !strings.Contains(err.Error(), "not an ordinary file") {
		t.Error(err)
	}
	os.Remove(k.name)
	k.write("ONE aa 01\n")
	k.wants("ONE aa 01")
	if len(k.told) > 0 {
		t.Errorf("told again: %v", <-k.told)
	}
}
