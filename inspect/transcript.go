package inspect

import (
	"encoding/binary"
	"slices"
)

// transcript returns the handshake messages in the order in which the
// handshake's transcript has them, which need not be the order in which they
// became known: TLS 1.3 in the order of RFC 8446 section 4.4.1, TLS 1.2 as they
// crossed. What comes after the handshake is not part of it, though the
// handshake's end may be missing.
func (v *View) transcript() []*Message { return v.transcriptAt(never) }

// transcriptAt is the transcript once event at had happened.
func (v *View) transcriptAt(at int) []*Message {
	if v.State(at).Version != version13 {
		return v.transcript12(at)
	}
	sent := [2][]*Message{}
	for _, m := range v.messages {
		if m.Event > at || m.Record.Epoch.Kind == EpochApplication {
			continue
		}
		done := len(sent[m.Side]) > 0 && sent[m.Side][len(sent[m.Side])-1].Type == typeFinished
		if !done {
			sent[m.Side] = append(sent[m.Side], m)
		}
	}
	client, server := sent[Client], sent[Server]
	if len(client) == 0 {
		return nil
	}
	order := client[:1:1]
	client = client[1:]
	if len(server) > 0 && server[0].retry() {
		order = append(order, server[0])
		server = server[1:]
		if len(client) > 0 {
			order = append(order, client[0])
			client = client[1:]
		}
	}
	order = slices.Concat(order, server, client)
	for i, m := range order {
		order[i] = v.taken(m)
	}
	return order
}

// transcript12 leaves out what TLS 1.2 does not hash: a HelloRequest (RFC 5246
// section 7.4.1.1), and whatever follows the second Finished.
func (v *View) transcript12(at int) []*Message {
	var order []*Message
	finished := 0
	for _, m := range v.asTheyCrossed() {
		if m.Type == typeHelloRequest || finished == 2 || m.Event > at {
			continue
		}
		if m.Type == typeFinished {
			finished++
		}
		order = append(order, m)
	}
	return order
}

// asTheyCrossed returns the messages in the order in which they crossed. They
// become known in another one where a secret comes late.
func (v *View) asTheyCrossed() []*Message {
	return slices.SortedStableFunc(slices.Values(v.messages), func(a, b *Message) int { return a.Record.Event - b.Record.Event })
}

// retry reports whether the message is a HelloRetryRequest.
func (m *Message) retry() bool {
	return m.Type == typeServerHello && string(parseServerHello(m.Bytes[handshakeHeaderLength:]).random) == helloRetryRandom
}

// upTo returns the transcript's messages up to and with the last one of that
// type which side sent, and whether there is one.
func upTo(transcript []*Message, side Side, kind HandshakeType) ([]*Message, bool) {
	for i := len(transcript) - 1; i >= 0; i-- {
		if transcript[i].Side == side && transcript[i].Type == kind && !transcript[i].retry() {
			return transcript[:i+1], true
		}
	}
	return nil, false
}

// transcriptHash is Transcript-Hash (RFC 8446 section 4.4.1).
func (s suite) transcriptHash(messages []*Message) []byte {
	if len(messages) == 0 {
		return s.hash().Sum(nil)
	}
	return s.transcriptHashes(messages)[len(messages)-1]
}

// transcriptHashes are the transcript hashes after each of the messages: behind a
// HelloRetryRequest a message_hash stands for the first ClientHello.
func (s suite) transcriptHashes(messages []*Message) [][]byte {
	all := make([][]byte, 0, len(messages))
	h := s.hash()
	for i, m := range messages {
		if i == 1 && m.retry() {
			h.Reset()
			h.Write(binary.BigEndian.AppendUint32(nil, uint32(typeMessageHash)<<24|uint32(h.Size())))
			h.Write(all[0])
		}
		h.Write(m.Bytes)
		all = append(all, h.Sum(nil))
	}
	return all
}
