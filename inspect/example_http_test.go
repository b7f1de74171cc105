package inspect_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"example.com/tlslab/inspect"
)

// A server of net/http, of anyone's, becomes inspectable by its listener.
func ExampleTap_Listener() {
	clientConfig, serverConfig := exampleConfigs() // yours
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	tap := inspect.NewTap()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello, over %s", tls.VersionName(r.TLS.Version))
	})}
	served := make(chan error)
	go func() { served <- server.Serve(tap.Listener(inner, serverConfig)) }() // in place of tls.NewListener

	client := http.Client{Transport: &http.Transport{TLSClientConfig: clientConfig, DisableKeepAlives: true}}
	answer, err := client.Get("https://" + inner.Addr().String() + "/greet?who=ana")
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	fmt.Printf("%s %v\n", body, err)
	server.Shutdown(context.Background())
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		fmt.Println(err)
	}

	session := inspect.NewSession(tap.Recording())
	for rec := range session.Records() {
		if text := rec.Plaintext(); rec.Decrypted && bytes.Contains(text, []byte("HTTP/1.1")) {
			first, _, _ := strings.Cut(string(text), "\r\n")
			fmt.Printf("%s, %s keys: %s\n", rec.Side, rec.Epoch, inspect.Safe(first))
		}
	}

	// Output:
	// hello, over TLS 1.3 <nil>
	// client, application keys: GET /greet?who=ana HTTP/1.1
	// server, application keys: HTTP/1.1 200 OK
}
