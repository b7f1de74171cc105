package capture_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

// A counter counts what is written to it, and says so.
type counter struct {
	n    atomic.Int64
	more chan struct{}
}

func newCounter() *counter { return &counter{more: make(chan struct{}, 1)} }

func (c *counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	select {
	case c.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

// reached waits until so much has been written.
func (c *counter) reached(n int64) {
	for c.n.Load() < n {
		<-c.more
	}
}

// followed writes a recording while chunks of 16 KiB are appended to it, one once the one before is in the file, and calls
// each after every one.
func followed(t *testing.T, rec *inspect.Recording, out io.Writer, file *counter, alone bool, chunks int, each func(n int)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	w := capture.NewWriter(out)
	w.Alone = alone
	var following sync.WaitGroup
	following.Go(func() {
		if err := w.Follow(ctx, rec); err != nil {
			t.Error(err)
		}
	})
	rec.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}})
	chunk := make([]byte, 16<<10)
	for n := range chunks {
		before := file.n.Load()
		rec.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: chunk})
		file.reached(before + int64(len(chunk)))
		each(n + 1)
	}
	stop()
	following.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAFileThatGrowsAloneTakesNoMoreMemory(t *testing.T) {
	const mebibyte = 64 // chunks
	file := newCounter()
	var first, last int64
	followed(t, new(inspect.Recording), file, file, true, 100*mebibyte, func(n int) {
		switch n {
		case mebibyte:
			first = heap()
		case 100 * mebibyte:
			last = heap()
		}
	})
	if grown := last - first; grown > 2<<20 {
		t.Errorf("the heap has grown by %d bytes from 1 MiB to 100", grown)
	}
}

func TestNothingIsSaidToBeMissingThatStandsInTheFile(t *testing.T) {
	rec := &inspect.Recording{Limit: 1 << 20}
	file := newCounter()
	var content bytes.Buffer
	followed(t, rec, io.MultiWriter(&content, file), file, false, 4*64, func(int) {})
	letGo := 0
	for e := range rec.Events(0) {
		if e.Kind == inspect.LetGo {
			letGo++
		}
	}
	if letGo == 0 {
		t.Fatal("nothing was let go")
	}
	if strings.Contains(content.String(), "let go before") {
		t.Error("a comment says that bytes had been let go, and they stand there")
	}
	late := written(t, rec)
	if !bytes.Contains(late, []byte("let go before they were written here")) {
		t.Error("of what was let go before it was written, no comment says so")
	}
}
