package tui

import (
	"testing"
	"time"

	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
)

// many makes a recording of n records in clear.
func many(n int) *inspect.Recording {
	r := new(inspect.Recording)
	r.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}})
	record := []byte{0x15, 3, 3, 0, 2, 1, 0x5a} // user_canceled, again and again
	for i := range n {
		r.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Side: inspect.Side(i % 2), Bytes: record})
	}
	return r
}

// ofMany is a screen on n records, the cursor in the midst of them.
func ofMany(n int) (*model, func()) {
	m, end := detached(Options{Recording: many(n)})
	m.Update(opened{time: newTimeline(m.o.Recording, nil)})
	m.Update(tea.WindowSizeMsg{Width: 200, Height: 60})
	m.goTo(n / 2)
	m.attend()
	return m, end
}

func BenchmarkView(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"thousand", 1_000}, {"million", 1_000_000}} {
		b.Run(size.name, func(b *testing.B) {
			m, end := ofMany(size.n)
			defer end()
			b.ReportAllocs()
			for b.Loop() {
				m.View()
			}
		})
	}
}

// What grows with the records takes two hundred times as long with two hundred times as many, every time. On a busy machine
// anything may take long now and then: once is enough.
func TestAViewAndAKeyCostTheSameHoweverManyRecordsThereAre(t *testing.T) {
	for _, in := range []mode{onStreams, onLadder, onSchedule} {
		costOf := func(n int) func() time.Duration {
			m, end := ofMany(n)
			t.Cleanup(end)
			m.mode, m.list = in, min(in, onLadder)
			m.View() // lays the ladder out
			return func() time.Duration {
				start := time.Now()
				for _, key := range []tea.KeyType{tea.KeyLeft, tea.KeyUp, tea.KeyPgUp, tea.KeyHome, tea.KeyRight, tea.KeyEnd, tea.KeyDown} {
					m.Update(tea.KeyMsg{Type: key})
					m.View()
				}
				return time.Since(start)
			}
		}
		few, lots := costOf(1_000), costOf(200_000)
		for limit := time.Now().Add(patience); ; {
			some, many := few(), lots()
			if many <= 5*some+5*time.Millisecond {
				break
			}
			if time.Now().After(limit) {
				t.Errorf("mode %d: %v with a thousand records, %v with two hundred thousand", in, some, many)
				break
			}
		}
	}
}

func TestKeysAreAnsweredWhileALargeRecordingIsRead(t *testing.T) {
	r := many(few)
	s := open(t, Options{Recording: r})
	s.press("?", "esc")
	s.shows("reading the recording...")
	s.hides("Nothing has been sent yet")
	s.until("what was recorded", func() bool { return !s.m.opening })
	s.shows("step 5000 of 5000")
	r.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte{0x15, 3, 3, 0, 2, 1, 0x5a}})
	s.until("what came then", func() bool { return s.m.time.visible() == few+1 })
	s.shows("step 5001 of 5001")
}

func TestManyEventsWakeTheScreenOnceAFrame(t *testing.T) {
	r := new(inspect.Recording)
	s := open(t, Options{Recording: r})
	woken := 0
	r.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}})
	start := time.Now()
	for range 50_000 {
		r.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte{0x15, 3, 3, 0, 2, 1, 0x5a}})
	}
	for s.m.time.taken() < r.Len() {
		msg := <-s.msgs
		if _, ok := msg.(grown); ok {
			woken++
		}
		s.send(msg)
	}
	if most := int(time.Since(start)/frame) + 2; woken > most {
		t.Errorf("woken %d times in %v, want %d at most", woken, time.Since(start), most)
	}
	s.shows("step 50000 of 50000")
}
