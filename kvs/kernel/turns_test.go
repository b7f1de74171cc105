package kernel

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func host(n byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, n}) }

func TestEachAddressHasItsTurnHoweverManyAnotherWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ts turns
		b := bounds{most: 1}
		ts.take(t.Context(), host(1), b)
		served := make(chan netip.Addr, 10)
		wait := func(h netip.Addr) {
			go func() {
				if ts.take(t.Context(), h, b) {
					served <- h
				}
			}()
			synctest.Wait() // it stands in line
		}
		for range 4 {
			wait(host(1))
		}
		wait(host(2))
		wait(host(3))
		wait(host(2))
		var order []netip.Addr
		last := host(1)
		for range 7 {
			ts.give(last, b)
			last = <-served
			order = append(order, last)
		}
		ts.give(last, b)
		if want := []netip.Addr{host(1), host(2), host(3), host(1), host(2), host(1), host(1)}; !slices.Equal(order, want) {
			t.Errorf("got %v, want %v", order, want)
		}
		if ts.taken != 0 || len(ts.order)+len(ts.lines) > 0 {
			t.Errorf("something is left: %+v", &ts)
		}
	})
}

func TestAnAddressWaitsForItsOwnPlacesAndNobodyElseDoes(t *testing.T) {
	var ts turns
	b := bounds{most: 3, mostOfHost: 1}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		h    netip.Addr
		want bool
	}{{host(1), true}, {host(1), false}, {host(2), true}, {netip.Addr{}, true}, {netip.Addr{}, false}} {
		if got := ts.take(over, c.h, b); got != c.want {
			t.Errorf("%v: %v", c.h, got)
		}
	}
	ts.give(host(1), b)
	if !ts.take(over, host(1), b) {
		t.Error("a place that was given back is not there")
	}
	for _, h := range []netip.Addr{host(1), host(2), {}} {
		ts.give(h, b)
	}
	if ts.taken != 0 || len(ts.of)+len(ts.order)+len(ts.lines) > 0 {
		t.Errorf("something is left: %+v", &ts)
	}
}

func TestNoPlaceIsLostBetweenThoseWhoGiveUpAndThoseWhoGoOn(t *testing.T) {
	var ts turns
	b := bounds{most: 4, mostOfHost: 2}
	var all sync.WaitGroup
	for n := range 200 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*10*time.Microsecond)
			defer cancel()
			if h := host(byte(n % 7)); ts.take(ctx, h, b) {
				ts.give(h, b)
			}
		})
	}
	all.Wait()
	if ts.taken != 0 || len(ts.of)+len(ts.order)+len(ts.lines) > 0 {
		t.Errorf("something is left: %+v", &ts)
	}
}

func TestAnAddressMayBeginSoManyHandshakesASecondAndIsThenForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h hosts
		begin := func(from netip.Addr) (n int) {
			for {
				if _, ok := h.begin(from, 10, 0); !ok {
					return n
				}
				n++
			}
		}
		if n := begin(host(1)); n != 10 {
			t.Errorf("at once %d", n)
		}
		time.Sleep(time.Second / 2)
		if n := begin(host(1)); n != 5 {
			t.Errorf("after half a second %d", n)
		}
		if n := begin(host(2)); n != 10 {
			t.Errorf("another address: %d", n)
		}
		for i := range 21 { // the last is too late by a tenth
			wait, ok := h.begin(host(2), 10, 2*time.Second)
			if want := time.Duration(i+1) * time.Second / 10; ok != (i < 20) || wait.Round(time.Millisecond) != want {
				t.Errorf("the next is to wait %v, %v; want %v", wait, ok, want)
			}
		}
		time.Sleep(2 * time.Second)
		if h.begin(host(3), 10, 0); len(h.begun) != 2 {
			t.Errorf("it has forgotten who waits, or not the others: %v", h.begun)
		}
		time.Sleep(3 * time.Second)
		if h.begin(host(3), 10, 0); len(h.begun) != 1 {
			t.Errorf("it remembers %v", h.begun)
		}
	})
}

type from struct {
	net.Conn
	addr net.Addr
}

func (c from) RemoteAddr() net.Addr { return c.addr }

func TestTheAddressesOfOneNetworkOfIPv6AreOne(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7":            "192.0.2.7",
		"::ffff:192.0.2.7":     "192.0.2.7",
		"2001:db8:0:7:1:2:3:4": "2001:db8:0:7::",
		"2001:db8:0:7:ffff::":  "2001:db8:0:7::",
		"2001:db8:0:8::1":      "2001:db8:0:8::",
		"fe80::1:2:3:4%eth0":   "fe80::",
	} {
		addr := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 1))
		if got := hostOf(from{nil, addr}); got.String() != want {
			t.Errorf("%s: got %v, want %s", address, got, want)
		}
	}
}
