package inspect

// The ends of ServerHello.random by which a server says that it could do better
// than the client seems to ask for (RFC 8446 section 4.1.3).
const (
	sentinel12 = "DOWNGRD\x01" // a server of TLS 1.3 chooses TLS 1.2
	sentinel11 = "DOWNGRD\x00" // a server of TLS 1.3 or 1.2 chooses TLS 1.1 or less
)

// verifySentinel looks for the sign of a downgrade as the client does: one that
// offered TLS 1.3 must, one that offered TLS 1.2 and gets less should.
func (v *View) verifySentinel(m *Message, before []*Message) Verification {
	c := Verification{Kind: "downgrade_sentinel", Message: m, RFC: "RFC 8446 section 4.1.3"}
	answer := parseServerHello(m.body())
	if len(answer.random) == 0 {
		return c.because("unparsed")
	}
	end := answer.random[len(answer.random)-len(sentinel12):]
	c.Got = end
	hello, ok := upTo(before, Client, typeClientHello)
	if !ok {
		return c.because("no_client_hello")
	}
	last := hello[len(hello)-1]
	c.Covers = []*Message{last, m}
	best := parseClientHello(last.body()).offered
	version := VersionName(answer.version)
	switch {
	case !parseClientHello(last.body()).offers(answer.version):
		return c.ended(Refuted, because("not_offered", "version", version))
	case answer.version == best && answer.version == version12 && string(end) == sentinel12:
		return c.ended(NotApplicable, because("sentinel_best_but_marked", "version", version))
	case answer.version == best:
		return c.ended(NotApplicable, because("sentinel_best", "version", version))
	case best < version12:
		return c.ended(NotApplicable, because("sentinel_old", "best", VersionName(best)))
	}
	marked := string(end) == sentinel11 || string(end) == sentinel12 && best == version13
	key := "sentinel_absent"
	if marked {
		key = "sentinel_present"
	}
	if best == version12 {
		key += "_12"
	}
	reason := because(key, "version", version)
	if marked {
		return c.ended(Refuted, reason)
	}
	c.Outcome, c.Notes = Verified, []Reason{reason}
	return c
}
