package inspect_test

import (
	"crypto/tls"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/inspect"
)

func TestWhoeverHasSaidSomethingWaitsUntilAnythingComesOrItGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := configs(t)
		server.SessionTicketsDisabled = true
		stepper := new(inspect.Stepper)
		tap := &inspect.Tap{Gate: stepper}
		c, s := tap.Pipe(client, server)
		go func() {
			io.Copy(io.Discard, s)
			s.Close()
		}()
		go io.WriteString(c, "one")
		wait := func(side inspect.Side) (inspect.Wait, bool) {
			t.Helper()
			synctest.Wait()
			session := inspect.NewSession(tap.Recording())
			return session.Connections()[0].Waiting(side, tap.Recording().Len()-1)
		}

		if w, ok := wait(inspect.Client); !ok || w.Until >= 0 || w.Fate != inspect.FateHeld {
			t.Errorf("with its ClientHello held the client: %+v, %v", w, ok)
		}
		if w, ok := wait(inspect.Server); ok {
			t.Errorf("a server that has said nothing: %+v", w)
		}
		stepper.Release()
		if w, ok := wait(inspect.Client); !ok || w.Until >= 0 || w.Fate != 0 {
			t.Errorf("with the server's flight held the client: %+v, %v", w, ok)
		}
		stepper.Run(inspect.Match{From: inspect.FromClient, Type: inspect.ApplicationData})
		if w, ok := wait(inspect.Server); ok {
			t.Errorf("the client's Finished reached the server: %+v", w)
		}
		text := stepper.Pending()[0].ID
		if err := stepper.Resolve(text, inspect.Drop); err != nil {
			t.Error(err)
		}
		if w, ok := wait(inspect.Client); !ok || w != (inspect.Wait{Since: text, Until: -1, Fate: inspect.FateDropped}) {
			t.Errorf("with its text dropped the client: %+v, %v", w, ok)
		}
		dropped := tap.Recording().Len() - 1
		time.Sleep(time.Minute)
		c.Close() // which says close_notify
		if w, ok := wait(inspect.Client); !ok || w.Since != text || w.Until <= dropped || w.For != time.Minute || w.Fate != inspect.FateDropped {
			t.Errorf("the client gave up: %+v, %v", w, ok)
		}
		session := inspect.NewSession(tap.Recording())
		if w, ok := session.Connections()[0].Waiting(inspect.Client, dropped); !ok || w.Until >= 0 {
			t.Errorf("before it gave up the client: %+v, %v", w, ok)
		}
		stepper.Run()
		synctest.Wait()
		tap.Close()
	})
}

func TestWhoeverFindsSomethingWrongDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drop := inspect.Rule{Match: inspect.Match{From: inspect.FromServer, Message: "certificate"}, Do: inspect.Drop}
		session := dialogue(t, &inspect.Rules{List: []inspect.Rule{drop}}, tls.VersionTLS13, "one ")
		c, last := session.Connections()[0], session.Recording().Len()-1
		if w, ok := c.Waiting(inspect.Client, last); ok {
			t.Errorf("the client, which sent a fatal alert: %+v", w)
		}
	})
}

func TestWithoutAGateWhoeverIsAnsweredWaitsNoLonger(t *testing.T) {
	r := new(inspect.Recording)
	at := time.Unix(1000, 0)
	r.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Time: at, Opening: &inspect.Opening{Protocol: "lines", Speaks: inspect.Lines}})
	asked := r.Append(inspect.Event{Kind: inspect.Captured, Side: inspect.Client, Cause: -1, Time: at, Bytes: []byte("read a\n")})
	answered := r.Append(inspect.Event{Kind: inspect.Captured, Side: inspect.Server, Cause: -1, Time: at, Bytes: []byte("Ok\n")})
	ended := r.Append(inspect.Event{Kind: inspect.Ended, Side: inspect.Client, Cause: -1, Time: at.Add(time.Second), How: inspect.EndOfFile})
	c := inspect.NewSession(r).Connections()[0]
	if w, ok := c.Waiting(inspect.Client, asked); !ok || w.Since != asked || w.Until >= 0 {
		t.Errorf("before the answer: %+v, %v", w, ok)
	}
	if w, ok := c.Waiting(inspect.Client, answered); ok {
		t.Errorf("after the answer: %+v", w)
	}
	if w, ok := c.Waiting(inspect.Server, answered); !ok || w.Since != answered || w.Until >= 0 {
		t.Errorf("the server, for the next request: %+v, %v", w, ok)
	}
	if w, ok := c.Waiting(inspect.Server, ended); ok {
		t.Errorf("the server, which saw the end: %+v", w)
	}
}
