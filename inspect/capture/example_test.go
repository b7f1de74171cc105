package capture_test

import (
	"bytes"
	"fmt"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

// A recording goes into a capture, which Wireshark opens as well, and comes
// back from it.
func Example() {
	rec := new(inspect.Recording)
	rec.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}})
	rec.Append(inspect.Event{Kind: inspect.Captured, Side: inspect.Server, Cause: -1, Bytes: []byte("\x15\x03\x03\x00\x02\x02\x28")})

	var file bytes.Buffer // or capture.Create, for a file that its owner alone can read
	w := capture.NewWriter(&file)
	if err := w.Extend(rec); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}

	again, err := capture.Read(&file)
	if err != nil {
		panic(err)
	}
	for event := range again.Events(0) {
		fmt.Println(event.Kind, event.Side, event.N)
	}
	// Output:
	// opened client 0
	// captured server 7
}
