package docs

import (
	"embed"
	"slices"
	"strings"
)

//go:embed scenes/*.scene
var scenes embed.FS

// Scenes returns the names of the scenes in the order in which they are best
// shown: first what an attacker on the wire does to records, then to the
// handshake, then with certificates, and last what TLS does not hide.
func Scenes() []string {
	return slices.Clone([]string{
		"eavesdrop", "flip", "drop", "replay", "reorder", "inject", "truncate", "truncate-inside", "change-cipher-spec",
		"client-random", "server-hello", "downgrade", "ticket",
		"wrong-authority", "wrong-name", "expired", "self-signed", "copied-cert", "mitm", "mitm-unchecked", "no-client-cert", "wrong-client-cert",
		"traffic",
	})
}

// Scene returns the script of a scene; ok is false if there is none of that name.
func Scene(name string) (script string, ok bool) {
	if strings.ContainsAny(name, `/\`) {
		return "", false
	}
	b, err := scenes.ReadFile("scenes/" + name + ".scene")
	return string(b), err == nil
}
