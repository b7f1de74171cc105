package kernel

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Statistics are a server's numbers at one moment. All but Running, Uptime and
// Open count from the first start on, over restarts.
type Statistics struct {
	Running       bool  `json:"running"`
	Uptime        int64 `json:"uptime"` // whole seconds since the last start; 0 when it does not run
	RuntimeErrors int64 `json:"runtime_errors"`
	AcceptErrors  int64 `json:"accept_errors"` // out of file descriptors, say; of these, one in a minute is a runtime error

	Open     int64 `json:"connections_open"`    // handshakes included
	Total    int64 `json:"connections_total"`   // whatever became of them
	Refused  int64 `json:"connections_refused"` // for want of a place
	BytesIn  int64 `json:"bytes_in"`            // that handlers have read, in clear and without handshakes
	BytesOut int64 `json:"bytes_out"`           // that handlers have written, likewise

	// RefusedBy counts them by reason: RefusedTooMany and those after it.
	RefusedBy map[string]int64 `json:"connections_refused_by"`
	// HandshakesFailed counts by reason: [ReasonTimeout] and those after it, and those of a [Reasoner].
	HandshakesFailed map[string]int64 `json:"handshakes_failed"`

	Verbs             map[string]VerbStatistics `json:"verbs"`            // that have a handler and were asked for
	RequestsRefused   int64                     `json:"requests_refused"` // [ErrBusy]: nothing was carried out
	UnknownVerbs      int64                     `json:"unknown_verbs"`    // requests with a verb that nobody answers
	MalformedRequests int64                     `json:"malformed_requests"`
}

// VerbStatistics are the numbers of one verb.
type VerbStatistics struct {
	Requests int64 `json:"requests"`
	Errors   int64 `json:"errors"` // of these, those whose handler returned an error, or panicked
}

// Why a handshake failed, in [Statistics].
const (
	ReasonTimeout     = "timeout"     // it was not finished within HandshakeTimeout
	ReasonStopping    = "stopping"    // the server was stopped first
	ReasonDismissed   = "dismissed"   // the server itself closed the connection
	ReasonLeft        = "left"        // the client hung up without a word
	ReasonNotTLS      = "not_tls"     // its first bytes are no TLS record
	ReasonAlert       = "alert"       // the client refused, with an alert
	ReasonCertificate = "certificate" // the client's certificate does not verify
	ReasonOther       = "other"
)

// Why a connection was refused, in [Statistics].
const (
	RefusedTooMany       = "too_many"         // MaxConns
	RefusedTooManyOfHost = "too_many_of_host" // MaxConnsPerHost
	RefusedHandshakes    = "handshakes"       // MaxHandshakes, MaxHandshakesPerHost
	RefusedHandshakeRate = "handshake_rate"   // HandshakeRate
	RefusedOnce          = "once"             // Once
)

// A Reasoner is an error of a handshake that knows how it is counted. There should be few
// reasons, whatever the client does.
type Reasoner interface {
	error
	Reason() string
}

// Statistics returns the server's numbers.
func (s *Server) Statistics() Statistics {
	c := &s.counts
	c.mu.Lock()
	verbs := make(map[string]VerbStatistics)
	for verb, count := range c.verbs.all() {
		verbs[verb] = VerbStatistics{count.requests.Load(), count.errors.Load()}
	}
	handshakes := make(map[string]int64, len(c.handshakes))
	maps.Copy(handshakes, c.handshakes)
	refused := make(map[string]int64, len(c.refusedBy))
	maps.Copy(refused, c.refusedBy)
	c.mu.Unlock()
	running, uptime := s.life.uptime()
	return Statistics{
		Running: running, Uptime: int64(uptime / time.Second), RuntimeErrors: c.runtimeErrors.Load(), AcceptErrors: c.acceptErrors.Load(),
		Open: c.open.Load(), Total: c.accepted.Load(), Refused: c.refused.Load(), RefusedBy: refused,
		BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(),
		HandshakesFailed: handshakes, Verbs: verbs,
		RequestsRefused: c.busy.Load(), UnknownVerbs: c.unknown.Load(), MalformedRequests: c.malformed.Load(),
	}
}

// counts is what is counted as it happens.
type counts struct {
	open, accepted, refused, busy, runtimeErrors, acceptErrors, unknown, malformed, bytesIn, bytesOut atomic.Int64

	mu         sync.Mutex
	verbs      readMostly[*verbCount]
	handshakes map[string]int64
	refusedBy  map[string]int64
}

// A verbCount is what [VerbStatistics] are made of.
type verbCount struct{ requests, errors atomic.Int64 }

// of returns the count of a verb that has a handler.
func (c *counts) of(verb string) *verbCount {
	if count := c.verbs.all()[verb]; count != nil {
		return count
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	count := c.verbs.all()[verb]
	if count == nil {
		count = new(verbCount)
		c.verbs.set(verb, count)
	}
	return count
}

// failed counts a request that was counted before among those that were answered with an error.
func (c *counts) failed(verb string) { c.of(verb).errors.Add(1) }

// answered counts a request with a verb that has a handler, and what became of it.
func (c *counts) answered(verb string, err error) {
	count := c.of(verb)
	count.requests.Add(1)
	if err != nil {
		count.errors.Add(1)
	}
}

func (c *counts) refuse(why error) {
	c.refused.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusedBy == nil {
		c.refusedBy = map[string]int64{}
	}
	c.refusedBy[map[error]string{
		ErrTooMany: RefusedTooMany, ErrTooManyOfHost: RefusedTooManyOfHost,
		ErrHandshakes: RefusedHandshakes, ErrHandshakeRate: RefusedHandshakeRate, ErrOnce: RefusedOnce,
	}[why]]++
}

func (c *counts) handshakeFailed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handshakes == nil {
		c.handshakes = map[string]int64{}
	}
	c.handshakes[ReasonOf(err)]++
}

// ReasonOf returns the reason by which the error of a handshake is counted: [ReasonTimeout] and those after it, or that of a [Reasoner].
func ReasonOf(err error) string {
	var (
		reasoner    Reasoner
		header      tls.RecordHeaderError
		certificate *tls.CertificateVerificationError
		unknown     x509.UnknownAuthorityError
		network     *net.OpError
	)
	switch {
	case errors.As(err, &reasoner):
		return reasoner.Reason()
	case errors.Is(err, ErrHandshakeTimeout):
		return ReasonTimeout
	case errors.Is(err, ErrStopping):
		return ReasonStopping
	case errors.Is(err, ErrDismissed):
		return ReasonDismissed
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return ReasonLeft
	case errors.As(err, &header):
		return ReasonNotTLS
	case errors.As(err, &certificate), errors.As(err, &unknown):
		return ReasonCertificate
	case errors.As(err, &network) && network.Op == "remote error": // so crypto/tls wraps an alert that it received
		return ReasonAlert
	default:
		return ReasonOther
	}
}
