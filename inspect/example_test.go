package inspect_test

import (
	"crypto/tls"
	"fmt"
	"io"

	"example.com/tlslab/inspect"
)

// A client and a server talk in memory; the session shows what crossed.
func Example() {
	var clientConfig, serverConfig *tls.Config // yours
	clientConfig, serverConfig = exampleConfigs()

	tap := inspect.NewTap()
	client, server := tap.Pipe(clientConfig, serverConfig)
	go func() {
		io.Copy(server, server) // echo
		server.Close()
	}()
	fmt.Fprint(client, "hello")
	client.Read(make([]byte, 5))
	client.Close()

	session := inspect.NewSession(tap.Recording())
	for rec := range session.Records() {
		if rec.Side == inspect.Client {
			fmt.Printf("%s, %d bytes, %s\n", rec.Epoch, len(rec.Raw()), rec.Parts[0].Type)
		}
	}
	state := session.Connections()[0].View(inspect.Client).State(tap.Recording().Len())
	fmt.Println(inspect.VersionName(state.Version), inspect.GroupName(state.Group))
	tap.Close()

	// Output:
	// clear, 271 bytes, client_hello
	// clear, 6 bytes, change_cipher_spec
	// handshake, 58 bytes, finished
	// application, 27 bytes, application_data
	// application, 24 bytes, alert
	// TLS 1.3 x25519
}

// Whoever has the keys changes what is said, and neither endpoint can tell.
func ExampleReseal() {
	clientConfig, serverConfig := exampleConfigs()
	payments := inspect.Match{From: inspect.FromClient, Content: []byte("pay 10")}
	raise := func(content []byte) []byte { return append(content, "00"...) }
	tap := &inspect.Tap{Gate: &inspect.Rules{List: []inspect.Rule{{Match: payments, Do: inspect.Reseal(raise)}}}}

	client, server := tap.Pipe(clientConfig, serverConfig)
	go func() {
		fmt.Fprint(client, "pay 10")
		client.CloseWrite()
	}()
	order, err := io.ReadAll(server)
	fmt.Printf("%s %v\n", order, err)
	client.Close()
	server.Close()
	tap.Close()

	at := tap.Recording().Len()
	connection := inspect.NewSession(tap.Recording()).Connections()[0]
	_, noticed := connection.Noticed(at)
	fmt.Println(connection.Account(inspect.Server, at).Fidelity, noticed)

	// Output:
	// pay 1000 <nil>
	// different false
}
