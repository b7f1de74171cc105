package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"strings"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/pki"
)

// A lostError is why a request has no answer.
type lostError struct {
	kind string // for programs
	err  error
}

func (e *lostError) Error() string { return e.kind + ": " + e.err.Error() }

func (e *lostError) Unwrap() error { return e.err }

// unanswered says why a request has no answer, and what may have become of it.
func (r *clientRun) unanswered(ctx context.Context, line string, err error) error {
	kind, why := r.whyLost(ctx, err)
	fate := "client_fate_unknown"
	switch {
	case exitCode(err) == exitUsage: // an edit
		return err
	case kind == "refused":
		return failedWith(exitNobody, why, &lostError{kind, err})
	case errors.Is(err, errUnsent):
		fate = "client_fate_unsent"
	case changesNothing[firstWord(line)]:
		fate = "client_fate_nothing"
	}
	return failedWith(exitNobody, why+" "+r.say(fate, "request", safe(mentioned(line))), &lostError{kind, err})
}

func (r *clientRun) whyLost(ctx context.Context, err error) (kind, why string) {
	addr := safe(r.addr)
	switch {
	case errors.Is(err, errInterrupted) || ctx.Err() != nil:
		return "interrupted", r.say("client_lost_interrupted", "addr", addr)
	case errors.Is(err, errTooSlow):
		return "timeout", r.say("client_lost_timeout", "addr", addr, "time", r.timeout.String())
	case errors.Is(err, errUnasked):
		return "protocol", r.say("client_lost_unasked", "addr", addr)
	case errors.Is(err, kvs.ErrAnswer):
		return "protocol", r.say("client_lost_answer", "addr", addr)
	case errors.Is(err, kvs.ErrHalfAnswer):
		return "lost", r.say("client_lost_half", "addr", addr)
	case errors.Is(err, errUnsent) && errors.Is(err, kvs.ErrServerClosed):
		return "lost", r.say(r.link.ending("client_gone_closed", "client_gone_cut"), "addr", addr)
	case errors.Is(err, kvs.ErrServerClosed):
		return "lost", r.say(r.link.ending("client_lost_closed", "client_lost_cut"), "addr", addr)
	}
	if fromPeer(err) {
		kind = "alert"
		if alert := r.heard(r.link.conn); alert != nil && aboutCertificate[alert.Description] {
			kind = "refused" // TLS 1.3: the server looks at the client's certificate when the client is done
		}
		return kind, r.explainAlert(err, r.link.conn)
	}
	return "lost", r.say("client_lost_broken", "addr", addr, "reason", safe(withoutAddr(err)))
}

// unreachable says why there is no connection, and what an honest person does about it.
func (r *clientRun) unreachable(err error, conn *inspect.Conn) error {
	var bad *tls.CertificateVerificationError
	var revoked *pki.RevokedError
	switch {
	case exitCode(err) == exitUsage: // an edit
		return err
	case errors.As(err, &revoked):
		return failedWith(exitImpostor, r.say("client_cert_revoked", "addr", safe(r.addr)), err)
	case errors.As(err, &bad) && r.noauth:
		return failedWith(exitImpostor, r.say("client_noauth_refused", "addr", safe(r.addr)), err)
	case errors.As(err, &bad):
		sentence := r.explainDial(r.addr, r.ca, err)
		if len(bad.UnverifiedCertificates) > 0 {
			c := bad.UnverifiedCertificates[0]
			sentence += "\n" + r.say("client_cert_shown", "subject", safe(c.Subject.String()), "issuer", safe(c.Issuer.String()),
				"from", day(c.NotBefore), "until", day(c.NotAfter), "fingerprint", fingerprint(c))
		}
		return failedWith(exitImpostor, sentence, err)
	case errors.Is(err, errInterrupted) || errors.Is(err, context.Canceled):
		return failedWith(exitNobody, r.say("client_dial_interrupted", "addr", safe(r.addr)), err)
	case errors.Is(err, errTooSlow):
		return failedWith(exitNobody, r.say("cmd_dial_timeout", "addr", safe(r.addr)), err)
	case fromPeer(err) && conn != nil:
		return failedWith(exitNobody, r.explainAlert(err, conn), err)
	}
	return failedWith(exitNobody, r.explainDial(r.addr, r.ca, err), err)
}

// What servers say of a client's certificate (RFC 8446 section 6.2).
const (
	handshakeFailure    = 0x28
	badCertificate      = 0x2a
	certificateRevoked  = 0x2c
	certificateExpired  = 0x2d
	certificateUnknown  = 0x2e
	unknownCA           = 0x30
	accessDenied        = 0x31
	protocolVersion     = 0x46
	certificateRequired = 0x74
)

// aboutCertificate are the alerts after which a server has carried out nothing: it did not finish the handshake.
var aboutCertificate = map[byte]bool{
	badCertificate: true, certificateRevoked: true, certificateExpired: true, certificateUnknown: true, unknownCA: true,
	accessDenied: true, certificateRequired: true,
}

// explainAlert says what the alert means with which the server ended the connection: read in what was recorded, since
// crypto/tls has it as text alone.
func (r *clientRun) explainAlert(err error, conn *inspect.Conn) string {
	addr := safe(r.addr)
	heard := r.heard(conn)
	if heard == nil {
		return r.say("cmd_remote_error", "addr", addr, "reason", safe(err.Error()))
	}
	command := r.name + " pki client " + r.say("cmd_name_arg")
	switch alert := heard.Description; {
	case len(r.withheld) > 0 && (alert == certificateRequired || alert == badCertificate || alert == handshakeFailure):
		return r.whyWithheld()
	case alert == certificateRequired, alert == badCertificate && r.cert == "":
		return r.say("cmd_remote_wants_certificate", "addr", addr, "command", command)
	case alert == certificateRevoked:
		return r.say("client_alert_revoked", "addr", addr, "cert", safe(r.cert))
	case alert == certificateExpired:
		return r.say("client_alert_expired", "addr", addr, "cert", safe(r.cert), "command", command)
	case r.cert != "" && alert == badCertificate:
		return r.say("client_alert_bad_certificate", "addr", addr, "cert", safe(r.cert), "show", r.name+" pki show", "renew", r.name+" pki renew")
	case r.cert != "" && (alert == unknownCA || alert == certificateUnknown || alert == accessDenied):
		return r.say("client_alert_certificate", "addr", addr, "cert", safe(r.cert), "alert", inspect.AlertName(alert))
	case alert == protocolVersion:
		return r.say("client_alert_version", "addr", addr)
	default:
		return r.say("client_alert", "addr", addr, "alert", inspect.AlertName(alert), "code", alert)
	}
}

// heard returns the fatal alert that the server sent, if it was recorded.
func (r *clientRun) heard(conn *inspect.Conn) *inspect.Alerted {
	r.session.Extend()
	account := r.session.Connections()[conn.ID()].Account(inspect.Client, r.session.Taken()-1)
	for _, alert := range account.Heard {
		if alert.Fatal() {
			return &alert
		}
	}
	return nil
}

// departed says at once that the server has gone, while nothing was asked of it.
func (r *clientRun) departed(l *link) string {
	how := r.say(l.ending("client_gone_closed", "client_gone_cut"), "addr", safe(r.addr))
	switch {
	case l.why != nil && fromPeer(l.why):
		how = r.explainAlert(l.why, l.conn)
	case l.why != nil:
		how = r.say("client_lost_broken", "addr", safe(r.addr), "reason", safe(withoutAddr(l.why)))
	}
	return strings.TrimSpace(how + " " + r.say("client_gone_idle"))
}

// certificateFor returns the client's certificate, if the server takes one of its authority. Otherwise it returns none, as crypto/tls
// does by itself, and keeps what the server asks for.
func (r *clientRun) certificateFor(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	mine := &r.config.Certificates[0]
	err := info.SupportsCertificate(mine)
	if err == nil {
		return mine, nil
	}
	r.withheld = nil
	for _, raw := range info.AcceptableCAs {
		var name pkix.RDNSequence
		var issuer pkix.Name
		if _, err := asn1.Unmarshal(raw, &name); err != nil || bytes.Equal(raw, mine.Leaf.RawIssuer) {
			return new(tls.Certificate), nil // it is of the right one, and something else is the matter
		}
		issuer.FillFromRDNSequence(&name)
		r.withheld = append(r.withheld, issuer.String())
	}
	return new(tls.Certificate), nil
}

// whyWithheld says why the client's certificate was not sent.
func (r *clientRun) whyWithheld() string {
	const some = 5
	wanted := strings.Join(r.withheld[:min(len(r.withheld), some)], "; ")
	if len(r.withheld) > some {
		wanted += "; …"
	}
	return r.say("client_cert_withheld", "addr", safe(r.addr), "cert", safe(r.cert), "issuer", safe(r.config.Certificates[0].Leaf.Issuer.String()), "wanted", safe(wanted))
}
