package sealed_test

import (
	"fmt"
	"log"
	"net"
	"sync"

	"example.com/tlslab/kvs/stage/sealed"
)

func Example() {
	// new(sealed.Key) would do as well, and be generated.
	clientKey, err := sealed.OpenKey("testdata/client.pem")
	if err != nil {
		log.Fatal(err)
	}
	serverKey, err := sealed.OpenKey("testdata/server.pem")
	if err != nil {
		log.Fatal(err)
	}
	a, b := net.Pipe()
	client := sealed.ClientEnd(a, &sealed.Config{Key: clientKey})
	server := sealed.ServerEnd(b, &sealed.Config{Key: serverKey})

	var parts sync.WaitGroup
	parts.Go(func() {
		defer server.Close()
		message, err := server.ReadMessage()
		if err != nil {
			log.Fatal(err)
		}
		if err := server.WriteMessage(append([]byte("you said: "), message...)); err != nil {
			log.Fatal(err)
		}
	})
	if err := client.WriteMessage([]byte("olá")); err != nil {
		log.Fatal(err)
	}
	answer, err := client.ReadMessage()
	if err != nil {
		log.Fatal(err)
	}
	parts.Wait()
	fmt.Printf("%s\n", answer)
	// Output: you said: olá
}
