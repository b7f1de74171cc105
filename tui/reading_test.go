package tui

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"example.com/tlslab/inspect"
)

// A slowFile is a recording that comes a connection at a time, when the test says so.
type slowFile struct {
	rec     *inspect.Recording
	turn    chan struct{}
	read    atomic.Int64
	problem string
}

const slowConnections = 30

func (f *slowFile) Read(ctx context.Context) bool {
	select {
	case <-f.turn:
	case <-ctx.Done():
		return false
	}
	conn := int(f.read.Add(1)) - 1
	f.rec.Append(inspect.Event{Kind: inspect.Opened, Conn: conn, Cause: -1, Opening: &inspect.Opening{
		Protocol: "tls", Addr: [2]string{fmt.Sprintf("192.0.2.1:%d", 5000+conn), "192.0.2.2:443"},
	}})
	f.rec.Append(inspect.Event{Kind: inspect.Captured, Conn: conn, Cause: -1, Bytes: []byte{0x15, 3, 3, 0, 2, 1, byte(conn)}})
	return conn+1 < slowConnections
}

func (f *slowFile) Progress() (read, total int64) { return f.read.Load(), slowConnections }

func (f *slowFile) Problem(lang string) string {
	if f.problem == "" {
		return ""
	}
	return f.problem + lang
}

// opening opens a screen on a file that is being read.
func opening(t *testing.T) (*screen, *slowFile) {
	file := &slowFile{rec: new(inspect.Recording), turn: make(chan struct{}), problem: "cut short in "}
	return open(t, Options{Recording: file.rec, Reading: file}), file
}

func TestTheFirstScreenStandsBeforeTheRestOfAFileIsRead(t *testing.T) {
	s, file := opening(t)
	go func() { file.turn <- struct{}{} }()
	s.until("the first connection", func() bool { return s.m.time.visible() == 1 })
	s.shows("reading: 3 % of 30 bytes; q leaves", "Alert", "192.0.2.1:5000")
	go func() {
		for range 4 {
			file.turn <- struct{}{}
		}
	}()
	s.until("five connections", func() bool { return s.m.time.visible() == 5 })
	if row := s.m.streams.sel.row; row != 0 {
		t.Errorf("the selection went to row %d while the rest was read", row)
	}
	s.press("down", "down")
	go func() {
		for range slowConnections - 5 {
			file.turn <- struct{}{}
		}
	}()
	s.until("the end", func() bool { return !s.m.reading })
	s.hides("reading:")
	s.shows("cut short in en")
	if row, rows := s.m.streams.sel.row, s.m.time.visible(); row != 2 || rows != slowConnections {
		t.Errorf("row %d of %d", row, rows)
	}
}

func TestAFileCanBeLeftWhileItIsRead(t *testing.T) {
	for _, key := range []string{"q", "ctrl+c"} {
		s, _ := opening(t)
		s.press(key)
		s.until("the screen to be left", func() bool { return s.left })
		s.m.live.end() // returns although the file says nothing more
	}
}

func TestOneConnectionOfAFileCanBeLookedAtAlone(t *testing.T) {
	s, file := opening(t)
	file.problem = ""
	go func() {
		for range slowConnections {
			file.turn <- struct{}{}
		}
	}()
	s.until("the end", func() bool { return !s.m.reading })
	s.size(80, 24)
	s.shows("30 connections: o lists them")
	s.press("o", "down", "down", "enter")
	s.shows("step 1 of 1", "192.0.2.1:5002")
	s.press("o", "home", "enter")
	if rows := s.m.time.visible(); rows != slowConnections {
		t.Errorf("%d rows", rows)
	}
}

func TestAFileWithNothingInItSaysSo(t *testing.T) {
	s := open(t, Options{Recording: new(inspect.Recording), Reading: noFile{}})
	s.until("the end", func() bool { return !s.m.reading })
	s.shows("There is nothing in the file")
}

type noFile struct{}

func (noFile) Read(context.Context) bool     { return false }
func (noFile) Progress() (read, total int64) { return 0, 0 }
func (noFile) Problem(string) string         { return "" }
