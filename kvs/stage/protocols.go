package stage

import (
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage/kv"
	"example.com/tlslab/kvs/stage/router"
	"example.com/tlslab/kvs/stage/sealed"
	"example.com/tlslab/kvs/stage/upper"
)

// Protocols returns what the stages speak besides TLS, for whoever reads a
// capture of them.
func Protocols() []inspect.Protocol {
	return []inspect.Protocol{kv.Protocol{}, upper.Protocol, router.Protocol, sealed.Protocol{}, sealed.Protocol{Authenticated: true}}
}
