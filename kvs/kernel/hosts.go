package kernel

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// hosts are the addresses that connections come from, and what each of them has.
type hosts struct {
	mu      sync.Mutex
	open    map[netip.Addr]int   // connections
	answers map[netip.Addr]int64 // bytes
	held    int64                // bytes of answers, of all
	begun   map[netip.Addr]pace  // handshakes
	swept   time.Time
}

// pace is how many handshakes an address had left to begin at a time; less than none where some wait.
type pace struct {
	left float64
	at   time.Time
}

// hostOf returns whom a connection comes from: its IPv4 address, or the first 64 bits of its IPv6 address, since whoever has one
// of these has them all (RFC 4291 section 2.5.4); the zero Addr if there is none, as in memory.
func hostOf(conn net.Conn) netip.Addr {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	if addr.Is6() {
		network, _ := addr.Prefix(64)
		return network.Addr()
	}
	return addr
}

// enter counts a connection, and returns how many there are now from the same address; 0 if it has none.
func (h *hosts) enter(host netip.Addr) int {
	if !host.IsValid() {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open == nil {
		h.open = make(map[netip.Addr]int)
	}
	h.open[host]++
	return h.open[host]
}

// leave counts a connection no more. Who has none left is forgotten.
func (h *hosts) leave(host netip.Addr) {
	if !host.IsValid() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open[host]--; h.open[host] == 0 {
		delete(h.open, host)
	}
}

// fullAgain is how long it takes until an address of which none waits may begin as many handshakes at once as ever.
const fullAgain = time.Second

// begin counts a handshake of an address, at so many a second, and returns how long it has to wait. When that is longer
// than most it is not counted, and ok is false.
func (h *hosts) begin(host netip.Addr, perSecond int, most time.Duration) (wait time.Duration, ok bool) {
	if !host.IsValid() {
		return 0, true
	}
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	rate := float64(perSecond)
	h.sweep(now, rate)
	p, known := h.begun[host]
	if !known {
		p = pace{rate, now}
	}
	p.left, p.at = min(rate, p.left+rate*now.Sub(p.at).Seconds()), now
	wait = time.Duration(max(1-p.left, 0) / rate * float64(time.Second))
	if ok = wait <= most; ok {
		p.left--
	}
	if h.begun == nil {
		h.begun = make(map[netip.Addr]pace)
	}
	h.begun[host] = p
	return wait, ok
}

// sweep forgets who may begin as many as ever: so the memory is that of the addresses of two seconds, and of those of which
// some wait.
func (h *hosts) sweep(now time.Time, rate float64) {
	if now.Sub(h.swept) < fullAgain {
		return
	}
	h.swept = now
	for host, p := range h.begun {
		if p.left+rate*now.Sub(p.at).Seconds() >= rate {
			delete(h.begun, host)
		}
	}
}

// hold counts so many bytes more of answers, and reports whether they fit; what is given back always does.
func (h *hosts) hold(host netip.Addr, more, most int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if more > 0 && (h.held+more > most || host.IsValid() && h.answers[host]+more > most/answersOfHost) {
		return false
	}
	h.held += more
	if !host.IsValid() {
		return true
	}
	if h.answers == nil {
		h.answers = make(map[netip.Addr]int64)
	}
	if h.answers[host] += more; h.answers[host] == 0 {
		delete(h.answers, host)
	}
	return true
}
