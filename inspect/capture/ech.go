package capture

import "example.com/tlslab/inspect"

// A key log has no private keys of ECH configurations, and a capture should
// have none: they open what everyone sends. What it has instead is the
// ECH_SECRET and ECH_CONFIG of each connection (RFC 9850 section 2.3), which a
// Writer computes from the beginning of what the client sent.

// maxOpening is how many bytes a Writer looks at to find a ClientHello. One with
// every extension that there is takes some 6 kB.
const maxOpening = 16 << 10

// opening keeps the beginning of what the client sent until the server answers.
// By then the key is in the recording, if it ever is: crypto/tls needs it to
// answer.
func (w *Writer) opening(e inspect.Event) {
	c := w.conns[e.Conn]
	switch {
	case c == nil || c.heard:
	case e.Kind == inspect.Captured && e.Side == inspect.Client && e.Bytes != nil && len(c.hello)+len(e.Bytes) <= maxOpening:
		c.hello = append(c.hello, e.Bytes...)
	default:
		w.openECH(c)
	}
}

func (w *Writer) openECH(c *track) {
	sent := c.hello
	c.heard, c.hello = true, nil
	if len(w.echKeys) == 0 {
		return
	}
	secrets := inspect.ECHSecrets(sent, w.echKeys...)
	for i := range secrets {
		w.line(&secrets[i])
	}
}
