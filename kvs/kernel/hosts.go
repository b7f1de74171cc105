package kernel

import (
	"net"
	"net/netip"
	"sync"
)

// hosts are the IP addresses that connections come from, and how many are open from each.
type hosts struct {
	mu   sync.Mutex
	open map[netip.Addr]int
}

// hostOf returns the IP address that a connection comes from; the zero Addr if there is none, as in memory.
func hostOf(conn net.Conn) netip.Addr {
	addr, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return addr.AddrPort().Addr().Unmap()
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
