package sealed

import (
	"bytes"
	"crypto/aes"
	"crypto/sha256"
	"fmt"
	"slices"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage/kv"
)

// Protocol says what the units of a channel mean, to whoever looks at it: lengths,
// acknowledgements, public keys, secrets, messages. It is given the secrets as the
// endpoints' key logs have them ([Config.KeyLogWriter]).
type Protocol struct {
	Authenticated bool // the mended variant
}

// Name implements [inspect.Protocol].
func (p Protocol) Name() string {
	if p.Authenticated {
		return "sealed-authenticated"
	}
	return "sealed"
}

// Reader implements [inspect.Protocol].
func (p Protocol) Reader() inspect.Reader {
	return &reader{talk: &conversation{authenticated: p.Authenticated}}
}

// A conversation is what the units of one view have in common.
type conversation struct {
	authenticated bool
	keys          [2]Fingerprint       // of the public keys, by side
	sent          [2][]byte            // what the secrets were sent in, by side
	boxes         [2][sha256.Size]byte // its SHA-256
	transcript    []byte               // its hash, once both were sent

	// Of the messages that have been opened, by side and number: what each means for the one that answers it.
	opened [2]map[uint64]meaning
}

// A meaning is what a message of the key-value service means for the one that answers it.
type meaning struct {
	asked  kv.Asked // the client's: what its lines ask for, if it is neither JSON nor what a prompt asked for
	prompt bool     // the server's: it has no end of line, and so is a prompt
}

// A reader follows the rules that both ends keep to: whoever has received a length, a
// public key or a secret says yes or no to it before anything else.
type reader struct {
	talk  *conversation
	sides [2]progress
}

// progress is how far one side has come.
type progress struct {
	owes      []string // what it must say yes or no to
	announced int      // bytes of the public key or message that comes next; 0 if none does
	sentKey   bool
	sentBox   bool
	lost      bool // its last length was none
	messages  uint64
	heard     uint64 // of the other side's messages, when it sent its last
}

// Next implements [inspect.Reader].
func (r *reader) Next(from inspect.Side, b []byte) (int, inspect.Reading) {
	side := &r.sides[from]
	n := r.length(side)
	switch {
	case side.lost:
		return 0, nil
	case len(b) < n:
		return n, nil
	}
	return n, r.read(from, side, b[:n])
}

// length of the unit that a side sends next.
func (r *reader) length(side *progress) int {
	switch {
	case side.announced > 0:
		return side.announced
	case len(side.owes) > 0:
		return 1
	case side.sentKey && !side.sentBox:
		return boxSize
	}
	return lengthSize
}

// Rest implements [inspect.Reader].
func (r *reader) Rest(from inspect.Side, _ []byte) inspect.Reading {
	side := &r.sides[from]
	switch {
	case side.announced > 0 && !side.sentKey:
		return publicKeyUnit{}
	case side.announced > 0:
		return cutUnit{"message"}
	case side.sentKey && !side.sentBox:
		return cutUnit{"secret"}
	}
	return lengthUnit{}
}

// read notes what a side has sent, and says what it is.
func (r *reader) read(from inspect.Side, side *progress, b []byte) inspect.Reading {
	peer := &r.sides[from.Peer()]
	switch {
	case side.announced > 0 && !side.sentKey:
		side.announced, side.sentKey = 0, true
		peer.owes = append(peer.owes, "public_key")
		if key, err := ParsePublicKey(b); err == nil {
			r.talk.keys[from], _ = FingerprintOf(key)
		}
		return publicKeyUnit{}
	case side.announced > 0:
		side.announced = 0
		side.messages++
		first := side.heard != peer.messages || side.messages == 1
		side.heard = peer.messages
		return messageUnit{r.talk, from, side.messages - 1, peer.messages, first}
	case len(side.owes) > 0:
		to := side.owes[0]
		side.owes = side.owes[1:]
		if b[0] != ackYes && to == "length" {
			peer.announced = 0 // it will not come
		}
		return ackUnit{to}
	case side.sentKey && !side.sentBox:
		side.sentBox = true
		peer.owes = append(peer.owes, "secret")
		r.keep(from, b)
		return secretUnit{r.talk, from}
	}
	length, err := parseLength(b)
	if side.lost = err != nil; err == nil {
		side.announced = length
		peer.owes = append(peer.owes, "length")
	}
	return lengthUnit{}
}

// keep notes what a secret was sent in.
func (r *reader) keep(from inspect.Side, box []byte) {
	r.talk.boxes[from], r.talk.sent[from] = sha256.Sum256(box), bytes.Clone(box)
	if client, server := r.talk.sent[inspect.Client], r.talk.sent[inspect.Server]; client != nil && server != nil {
		keys := slices.Concat(r.talk.keys[inspect.Client][:], r.talk.keys[inspect.Server][:])
		r.talk.transcript = transcriptHash(keys, client, server)
	}
}

// A lengthUnit announces a public key or a message.
type lengthUnit struct{}

func (lengthUnit) Name() string { return "length" }
func (lengthUnit) Text() bool   { return false }

// Summary implements [inspect.Summarizer].
func (lengthUnit) Summary(b []byte) string { return string(b) }

func (lengthUnit) Fields(b []byte) inspect.Field {
	return inspect.Dissect(b, "sealed.length", "", func(d *inspect.Dissector) {
		if _, err := parseLength(b); err != nil {
			d.Fail("sealed.digits", "a length is a decimal number, padded with = to 8 characters")
			return
		}
		digits := bytes.TrimRight(b, "=")
		d.Text("sealed.digits", len(digits))
		if filler := b[len(digits):]; len(filler) > 0 {
			d.Bytes("sealed.filler", len(filler), string(filler))
		}
	})
}

// An ackUnit says yes or no to what the peer has sent: a length, a public key, a secret.
type ackUnit struct {
	to string
}

func (ackUnit) Name() string { return "ack" }
func (ackUnit) Text() bool   { return false }

// Summary implements [inspect.Summarizer].
func (ackUnit) Summary(b []byte) string { return string(b) }

func (u ackUnit) Fields(b []byte) inspect.Field {
	return inspect.Dissect(b, "sealed.ack", "", func(d *inspect.Dissector) {
		switch {
		case len(b) == 1 && b[0] == ackYes:
			d.Bytes("sealed.answer", 1, "1 ("+u.to+")")
		case len(b) == 1 && b[0] == ackNo:
			d.Bytes("sealed.answer", 1, "0 ("+u.to+")")
		default:
			d.Fail("sealed.answer", "an acknowledgement is 1 or 0")
		}
	})
}

// A publicKeyUnit is a public key, of whoever sent it.
type publicKeyUnit struct{}

func (publicKeyUnit) Name() string { return "public_key" }
func (publicKeyUnit) Text() bool   { return false }

// Summary implements [inspect.Summarizer].
func (publicKeyUnit) Summary(b []byte) string {
	key, err := ParsePublicKey(b)
	if err != nil {
		return ""
	}
	fingerprint, err := FingerprintOf(key)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("RSA-%d, SHA-256 %s", key.N.BitLen(), fingerprint)
}

func (publicKeyUnit) Fields(b []byte) inspect.Field {
	return inspect.Dissect(b, "sealed.public_key", "RFC 7468 section 13", func(d *inspect.Dissector) {
		key, err := ParsePublicKey(b)
		begin, end := bytes.IndexByte(b, '\n')+1, bytes.LastIndex(b, []byte("-----END"))
		if err != nil || begin == 0 || end < begin {
			d.Fail("sealed.public_key", "this is not the PEM of an RSA-4096 public key")
			return
		}
		fingerprint, _ := FingerprintOf(key)
		d.Text("sealed.pem_begin", begin)
		d.Bytes("sealed.pem_key", end-begin, fmt.Sprintf("RSA, %d bits, exponent %d, fingerprint %s", key.N.BitLen(), key.E, fingerprint))
		d.Text("sealed.pem_end", len(b)-end)
	})
}

// A cutUnit is the beginning of a unit that did not come whole, and that nothing opens.
type cutUnit struct {
	name string
}

func (u cutUnit) Name() string { return u.name }
func (cutUnit) Text() bool     { return false }

func (u cutUnit) Fields(b []byte) inspect.Field {
	return inspect.Dissect(b, "sealed."+u.name, "", func(d *inspect.Dissector) {
		d.Fail("sealed."+u.name, "it did not come whole")
	})
}

// A secretUnit is a key and an IV, or a secret of the authenticated variant, encrypted with the receiver's public
// key. Only who has its private key can decrypt it; what it says is known from the key log of an endpoint.
type secretUnit struct {
	talk *conversation
	from inspect.Side
}

func (secretUnit) Name() string { return "secret" }
func (secretUnit) Text() bool   { return false }

func (secretUnit) Fields(b []byte) inspect.Field {
	return inspect.Dissect(b, "sealed.secret", "RFC 8017 section 7.1", func(d *inspect.Dissector) {
		d.Bytes("sealed.rsa_ciphertext", len(b), "")
	})
}

func (u secretUnit) Open(b []byte, secrets inspect.Secrets) ([]byte, inspect.Reason) {
	id := sha256.Sum256(b)
	for _, secret := range secrets(u.talk.label(), id[:]) {
		if len(secret.Bytes) == secretSize {
			return secret.Bytes, inspect.Reason{}
		}
	}
	return nil, inspect.Reason{Key: "unit_no_secret"}
}

func (u secretUnit) ClearFields(clear []byte) inspect.Field {
	return inspect.Dissect(clear, "sealed.secret_clear", "", func(d *inspect.Dissector) {
		if u.talk.authenticated {
			d.Bytes("sealed.share", len(clear), "")
			return
		}
		d.Bytes("sealed.aes_key", keySize, "")
		d.Bytes("sealed.session_iv", secretSize-keySize, "")
	})
}

func (t *conversation) label() string {
	if t.authenticated {
		return LabelSecret
	}
	return LabelKey
}

// A messageUnit is a message that the key of the session protects.
type messageUnit struct {
	talk   *conversation
	from   inspect.Side
	number uint64 // of its direction, from 0
	heard  uint64 // how many messages its sender had been sent
	first  bool   // it is the first since the last of those
}

func (messageUnit) Name() string { return "message" }
func (messageUnit) Text() bool   { return true }

func (u messageUnit) Fields(b []byte) inspect.Field {
	return inspect.Dissect(b, "sealed.message", "", func(d *inspect.Dissector) {
		if !u.talk.authenticated {
			blocks(d, len(b))
			return
		}
		d.Bytes("sealed.iv", min(aes.BlockSize, len(b)), "")
		blocks(d, len(d.Rest())-tagSize)
		if n := len(d.Rest()); n > 0 {
			d.Bytes("sealed.tag", n, "")
		}
	})
}

// BlockSize implements [inspect.BlockReading]: in the authenticated variant each message has an IV of its own.
func (u messageUnit) BlockSize() int {
	if u.talk.authenticated {
		return 0
	}
	return aes.BlockSize
}

// blocks reads n bytes of ciphertext, block by block.
func blocks(d *inspect.Dissector, n int) {
	if n <= 0 {
		return
	}
	d.Group("sealed.ciphertext", func(d *inspect.Dissector) {
		for ; n > 0; n -= aes.BlockSize {
			d.Bytes("sealed.block", min(n, aes.BlockSize), "")
		}
	})
}

// seals are those that it may be under, the likeliest first.
func (u messageUnit) seals(secrets inspect.Secrets) (all []seal) {
	client := secrets(u.talk.label(), u.talk.boxes[inspect.Client][:])
	if !u.talk.authenticated {
		for _, secret := range client {
			if len(secret.Bytes) == secretSize {
				all = append(all, newPlainSeal(secret.Bytes))
			}
		}
		return all
	}
	server := secrets(u.talk.label(), u.talk.boxes[inspect.Server][:])
	for _, ours := range client {
		for _, theirs := range server {
			if len(ours.Bytes) != secretSize || len(theirs.Bytes) != secretSize {
				continue
			}
			s := newAuthenticatedSeal(extract(ours.Bytes, theirs.Bytes, u.talk.transcript), u.from.String())
			s.sequence = u.number
			all = append(all, s)
		}
	}
	return all
}

func (u messageUnit) Open(b []byte, secrets inspect.Secrets) ([]byte, inspect.Reason) {
	why := inspect.Reason{Key: "unit_no_secret"}
	for _, s := range u.seals(secrets) {
		if !s.fits(len(b)) {
			return nil, inspect.Reason{Key: "unit_length"}
		}
		message, err := s.open(b)
		switch err {
		case nil:
			u.note(message)
			return message, inspect.Reason{}
		case ErrTag:
			why = inspect.Reason{Key: "unit_mac"}
		default:
			why = inspect.Reason{Key: "unit_padding"}
		}
	}
	return nil, why
}

// note keeps what a message means for its answer.
func (u messageUnit) note(clear []byte) {
	opened := &u.talk.opened[u.from]
	if *opened == nil {
		*opened = make(map[uint64]meaning)
	}
	if _, known := (*opened)[u.number]; known {
		return
	}
	var is meaning
	to, _ := u.answers()
	if u.from == inspect.Server {
		is.prompt = !bytes.HasSuffix(clear, []byte("\n"))
	} else if _, isObject := parseObject(clear); !isObject && !to.prompt {
		is.asked = kv.AskedBy(clear)
	}
	(*opened)[u.number] = is
}

// answers returns what the message means that this one answers, if it was opened.
func (u messageUnit) answers() (to meaning, known bool) {
	if u.heard == 0 {
		return meaning{}, false
	}
	to, known = u.talk.opened[u.from.Peer()][u.heard-1]
	return to, known
}

// Seal implements [inspect.Resealer]. The length was told before, so the new message must have as many blocks. In
// the authenticated variant it keeps its IV and its number.
func (u messageUnit) Seal(b, clear []byte, secrets inspect.Secrets) ([]byte, inspect.Reason) {
	all := u.seals(secrets)
	if len(all) == 0 {
		return nil, inspect.Reason{Key: "unit_no_secret"}
	}
	if !all[0].fits(len(b)) {
		return nil, inspect.Reason{Key: "unit_length"}
	}
	var sealed []byte
	switch s := all[0].(type) {
	case *authenticatedSeal:
		sealed = s.sealWith(bytes.Clone(b[:aes.BlockSize]), clear)
	default:
		sealed = s.seal(clear)
	}
	if len(sealed) != len(b) {
		return nil, inspect.Reason{Key: "unit_announced"}
	}
	return sealed, inspect.Reason{}
}

func (u messageUnit) ClearFields(clear []byte) inspect.Field {
	return inspect.Dissect(clear, "sealed.clear", "", func(d *inspect.Dissector) {
		to, known := u.answers()
		_, isObject := parseObject(clear)
		whole := bytes.HasSuffix(clear, []byte("\n"))
		switch {
		case whole && u.from == inspect.Server && u.first && known && len(to.asked) > 0:
			kv.Answers(d, to.asked)
		case isObject:
			d.JSON("sealed.json", len(clear))
		case whole && u.from == inspect.Client && !to.prompt:
			kv.Requests(d)
		default:
			lines(d)
		}
	})
}

// lines reads all that is left as lines that say nothing else.
func lines(d *inspect.Dissector) {
	for rest := d.Rest(); len(rest) > 0; rest = d.Rest() {
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		d.Text("sealed.line", min(len(line)+1, len(rest)))
	}
}
