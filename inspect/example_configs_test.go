package inspect_test

import (
	"crypto/tls"
	"testing"
)

// exampleConfigs keeps the certificates out of the example.
func exampleConfigs() (client, server *tls.Config) {
	client, server = configs(new(testing.T))
	client.CurvePreferences = []tls.CurveID{tls.X25519}
	return client, server
}
