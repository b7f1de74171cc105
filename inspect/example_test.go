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
