package inspect

import "strings"

// RFC 8446 section 4.1.2; RFC 5246 section 7.4.1.2 has the same layout, with
// client_version, session_id and compression_methods for names, and lets the
// extensions be absent.
func clientHello(c *cursor, _ *Message) {
	c.code("client_hello.legacy_version", &versions)
	c.opaque("client_hello.random", 32, nil)
	c.vector("client_hello.legacy_session_id", 1, nil)
	c.list("client_hello.cipher_suites", 2, func(c *cursor) { c.code("client_hello.cipher_suite", &suites) })
	c.list("client_hello.legacy_compression_methods", 1, func(c *cursor) {
		c.code("client_hello.compression_method", &compressionMethods)
	})
	if c.more() {
		extensionList(c, "client_hello.extensions", inClientHello)
	}
}

// RFC 8446 section 4.1.3 and, for a HelloRetryRequest, 4.1.4; RFC 5246
// section 7.4.1.3 has the same layout.
func serverHello(c *cursor, m *Message) {
	where := inServerHello
	if m.Name() == "hello_retry_request" {
		where = inHelloRetryRequest
	}
	c.code("server_hello.legacy_version", &versions)
	serverRandom(c)
	c.vector("server_hello.legacy_session_id_echo", 1, nil)
	c.code("server_hello.cipher_suite", &suites)
	c.code("server_hello.legacy_compression_method", &compressionMethods)
	if c.more() {
		extensionList(c, "server_hello.extensions", where)
	}
}

// downgradeSentinels end the random of a server that negotiates less than it
// could (RFC 8446 section 4.1.3).
var downgradeSentinels = map[string]string{
	"DOWNGRD\x00": "DOWNGRD 00: TLS 1.1 or below, from a server that could do more",
	"DOWNGRD\x01": "DOWNGRD 01: TLS 1.2, from a server that could do TLS 1.3",
}

func serverRandom(c *cursor) {
	const size, sentinel = 32, 8
	if len(c.rest) < size || downgradeSentinels[string(c.rest[size-sentinel:size])] == "" {
		c.opaque("server_hello.random", size, func(random []byte) string {
			if string(random) == helloRetryRandom {
				return `HelloRetryRequest: SHA-256("HelloRetryRequest")`
			}
			return shortHex(random)
		})
		return
	}
	c.group("server_hello.random", func(c *cursor) {
		c.opaque("server_hello.random_bytes", size-sentinel, nil)
		c.opaque("server_hello.downgrade_sentinel", sentinel, func(b []byte) string { return downgradeSentinels[string(b)] })
	})
}

// RFC 8446 section 4.3.1.
func encryptedExtensions(c *cursor, _ *Message) {
	extensionList(c, "encrypted_extensions.extensions", inEncryptedExtensions)
}

// extensionList reads a list of extensions, and shows it as their names.
func extensionList(c *cursor, kind string, where place) {
	var names []string
	c.list(kind, 2, func(c *cursor) {
		extension(c, where)
		names = append(names, c.last().Name)
	})
	if last := c.last(); last.Kind == kind {
		last.Value = strings.Join(names, ", ")
	}
}
