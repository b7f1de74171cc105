package stage

import (
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage/kv"
	"example.com/tlslab/kvs/stage/router"
	"example.com/tlslab/kvs/stage/sealed"
	"example.com/tlslab/kvs/stage/sockets"
	"example.com/tlslab/kvs/stage/upper"
)

// Protocols returns what the stages speak besides TLS, for whoever reads a
// capture of them.
func Protocols() []inspect.Protocol {
	all := []inspect.Protocol{kv.Protocol{}, upper.Protocol}
	for version := sockets.V1; version <= sockets.V5; version++ {
		all = append(all, sockets.Protocol(version))
	}
	return append(all, router.Protocol, sealed.Protocol{}, sealed.Protocol{Authenticated: true})
}
