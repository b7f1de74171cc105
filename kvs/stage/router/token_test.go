package router

import (
	"net/netip"
	"strconv"
	"testing"
)

func TestTokensAreBoundedByAddressAndInAll(t *testing.T) {
	address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }
	var all logins
	for i := range MaxTokens + 100 {
		all.add(login{token: strconv.Itoa(i), ip: address(i)})
	}
	if len(all) != MaxTokens || all.good("99", address(99)) || !all.good("100", address(100)) {
		t.Errorf("%d are good, the oldest is %+v", len(all), all[0])
	}
	for i := range 5 * MaxTokensOfAddr { // while there is no more room
		all.add(login{token: strconv.Itoa(-i), ip: address(1 << 14)})
	}
	if len(all) != MaxTokens || all.good("115", address(115)) || !all.good("116", address(116)) {
		t.Errorf("one address has ended more than %d of others; the oldest is %+v", MaxTokensOfAddr, all[0])
	}
}
