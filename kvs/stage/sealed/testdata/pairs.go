// Package testdata has the RSA-4096 key pairs that stand beside it, for the tests of every package: to generate one
// takes seconds.
package testdata

import _ "embed"

// The private keys, each as a PEM file.
var (
	//go:embed client.pem
	Client []byte
	//go:embed server.pem
	Server []byte
	//go:embed stranger.pem
	Stranger []byte
)
