package sealed

import (
	"crypto/aes"
	"encoding/base64"
	"fmt"
	"slices"

	"example.com/tlslab/inspect"
)

// Schedule implements [inspect.Scheduler]: how the keys of the session come about. What the RSA-OAEP ciphertexts hold is
// known from an endpoint's key log, since no private key is in a recording; everything else is computed.
func (r *reader) Schedule(secrets inspect.Secrets) []inspect.Value {
	if r.talk.sent[inspect.Client] == nil {
		return nil
	}
	client := r.talk.secret(inspect.Client, secrets)
	if !r.talk.authenticated {
		values := []inspect.Value{
			client,
			part(client, inspect.Value{Kind: "sealed.schedule_aes_key", Name: "aes_key", RFC: "NIST FIPS 197"}, 0, keySize),
			part(client, inspect.Value{Kind: "sealed.schedule_iv", Name: "iv", RFC: "NIST SP 800-38A section 6.2"}, keySize, secretSize),
		}
		if r.talk.sent[inspect.Server] != nil {
			values = append(values, r.talk.secret(inspect.Server, secrets))
		}
		return values
	}
	if r.talk.sent[inspect.Server] == nil {
		return []inspect.Value{client}
	}
	server := r.talk.secret(inspect.Server, secrets)
	transcript := r.talk.transcriptValue()
	session := extracted(transcript, client, server)
	values := []inspect.Value{client, server, transcript, session}
	for _, sender := range []inspect.Side{inspect.Client, inspect.Server} {
		values = append(values,
			expanded(session, inspect.Value{Kind: "sealed.schedule_encryption_key", Name: of("encryption_key", sender)}, sender.String()+" encryption"),
			expanded(session, inspect.Value{Kind: "sealed.schedule_authentication_key", Name: of("authentication_key", sender)}, sender.String()+" authentication"))
	}
	return values
}

// of names what is a side's.
func of(name string, side inspect.Side) string { return fmt.Sprintf("%s (%s)", name, side) }

// unknown gives a value the reason why it is not known.
func unknown(value *inspect.Value, key string) {
	value.Because = inspect.Reason{Key: key}
	value.Missing = value.Because.String()
}

// feed is the beginning of a command that gives bytes to the next one.
func feed(b []byte) string {
	return "printf %s " + base64.StdEncoding.EncodeToString(b) + " | openssl base64 -d -A | "
}

// secret is what a side has sent in an RSA-OAEP ciphertext. Its command wants the receiver's private key in a file.
func (t *conversation) secret(from inspect.Side, secrets inspect.Secrets) inspect.Value {
	input := inspect.Input{Name: of("ciphertext", from), Bytes: t.sent[from]}
	value := inspect.Value{
		Kind: "sealed.schedule_secret", Name: of("secret", from), RFC: "RFC 8017 section 7.1.2", Inputs: []inspect.Input{input},
		Formula: fmt.Sprintf("RSAES-OAEP-DECRYPT(%s's private key, %s)", from.Peer(), input.Name),
	}
	label := ""
	if t.authenticated {
		value.Kind = "sealed.schedule_share"
		value.Formula = fmt.Sprintf("RSAES-OAEP-DECRYPT(%s's private key, %s, %s)", from.Peer(), input.Name, of("label", from))
		text := slices.Concat([]byte(protocolName+" "+from.String()), t.keys[inspect.Client][:], t.keys[inspect.Server][:])
		value.Inputs = append(value.Inputs, inspect.Input{Name: of("label", from), Bytes: text})
		label = fmt.Sprintf(" -pkeyopt rsa_oaep_label:%x", text)
	} else if from == inspect.Server {
		value.Kind = "sealed.schedule_echo"
	}
	for _, secret := range secrets(t.label(), t.boxes[from][:]) {
		if len(secret.Bytes) == secretSize {
			value.Bytes, value.Origin = secret.Bytes, secret.Origin
			value.Command = feed(t.sent[from]) + fmt.Sprintf("openssl pkeyutl -decrypt -inkey %s.pem -pkeyopt rsa_padding_mode:oaep "+
				"-pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256%s | od -An -v -tx1 | tr -d ' \\n'", from.Peer(), label)
			return value
		}
	}
	unknown(&value, "unit_no_secret")
	return value
}

// part completes a value which is that of a secret from one byte up to another.
func part(secret, value inspect.Value, from, to int) inspect.Value {
	value.Formula = fmt.Sprintf("%s[%d:%d]", secret.Name, from, to)
	value.Inputs = []inspect.Input{{Name: secret.Name, Bytes: secret.Bytes}}
	if secret.Bytes == nil {
		unknown(&value, "input")
		return value
	}
	value.Bytes, value.Origin = secret.Bytes[from:to], inspect.Derived
	value.Command = fmt.Sprintf("printf '%%s\\n' %x | cut -c%d-%d", secret.Bytes, 2*from+1, 2*to)
	return value
}

// transcriptValue is the hash of all that both sides have said.
func (t *conversation) transcriptValue() inspect.Value {
	value := inspect.Value{
		Kind: "sealed.schedule_transcript_hash", Name: "transcript_hash", RFC: "NIST FIPS 180-4", Origin: inspect.Derived, Bytes: t.transcript,
		Formula: "SHA-256(fingerprint (client) + fingerprint (server) + ciphertext (client) + ciphertext (server))",
	}
	var covered []byte
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		value.Inputs = append(value.Inputs, inspect.Input{Name: of("fingerprint", side), Bytes: t.keys[side][:]})
		covered = append(covered, t.keys[side][:]...)
	}
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		value.Inputs = append(value.Inputs, inspect.Input{Name: of("ciphertext", side), Bytes: t.sent[side]})
		covered = append(covered, t.sent[side]...)
	}
	value.Command = feed(covered) + "openssl dgst -sha256 -r | cut -d' ' -f1"
	return value
}

const kdf = "openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt mode:%s -kdfopt hexkey:%x -kdfopt %s HKDF | tr -d ':\\n' | tr A-F a-f"

// extracted is the secret that all keys are derived from.
func extracted(transcript, client, server inspect.Value) inspect.Value {
	value := inspect.Value{
		Kind: "sealed.schedule_session_secret", Name: "session_secret", RFC: "RFC 5869 section 2.2",
		Formula: fmt.Sprintf("HKDF-Extract(salt = %s, IKM = %s + %s)", transcript.Name, client.Name, server.Name),
		Inputs: []inspect.Input{
			{Name: client.Name, Bytes: client.Bytes}, {Name: server.Name, Bytes: server.Bytes}, {Name: transcript.Name, Bytes: transcript.Bytes},
		},
	}
	if client.Bytes == nil || server.Bytes == nil {
		unknown(&value, "input")
		return value
	}
	value.Bytes, value.Origin = extract(client.Bytes, server.Bytes, transcript.Bytes), inspect.Derived
	value.Command = fmt.Sprintf(kdf, "EXTRACT_ONLY", slices.Concat(client.Bytes, server.Bytes), fmt.Sprintf("hexsalt:%x", transcript.Bytes))
	return value
}

// expanded completes a value which is a key for one direction and purpose.
func expanded(session, value inspect.Value, purpose string) inspect.Value {
	info := protocolName + " " + purpose
	value.Formula, value.RFC = fmt.Sprintf("HKDF-Expand(%s, %q, %d)", session.Name, info, keySize), "RFC 5869 section 2.3"
	value.Inputs = []inspect.Input{{Name: session.Name, Bytes: session.Bytes}}
	if session.Bytes == nil {
		unknown(&value, "input")
		return value
	}
	value.Bytes, value.Origin = expand(session.Bytes, purpose), inspect.Derived
	value.Command = fmt.Sprintf(kdf, "EXPAND_ONLY", session.Bytes, fmt.Sprintf("hexinfo:%x", info))
	return value
}

// Protection implements [inspect.ProtectedReading].
func (u messageUnit) Protection(b []byte, secrets inspect.Secrets) []inspect.Value {
	clear, why := u.Open(b, secrets)
	if why.Key != "" {
		return nil
	}
	given := func(kind, name string, bytes []byte, formula string) inspect.Value {
		return inspect.Value{Kind: kind, Name: name, Bytes: bytes, Origin: inspect.Derived, Formula: formula, RFC: "NIST SP 800-38A section 6.2"}
	}
	var key, iv inspect.Value
	ciphertext := b
	if u.talk.authenticated {
		session := u.talk.session(secrets)
		key = expanded(session, inspect.Value{Kind: "sealed.schedule_encryption_key", Name: of("encryption_key", u.from)}, u.from.String()+" encryption")
		iv = given("sealed.iv", "iv", b[:aes.BlockSize], "message[0:16]")
		ciphertext = b[aes.BlockSize : len(b)-tagSize]
	} else {
		secret := u.talk.secret(inspect.Client, secrets)
		key = part(secret, inspect.Value{Kind: "sealed.schedule_aes_key", Name: "aes_key", RFC: "NIST FIPS 197"}, 0, keySize)
		iv = part(secret, inspect.Value{Kind: "sealed.schedule_iv", Name: "iv", RFC: "NIST SP 800-38A section 6.2"}, keySize, secretSize)
	}
	plain := given("sealed.clear", "plaintext", clear, fmt.Sprintf("AES-256-CBC-DECRYPT(%s, %s, ciphertext)", key.Name, iv.Name))
	plain.Inputs = []inspect.Input{{Name: key.Name, Bytes: key.Bytes}, {Name: iv.Name, Bytes: iv.Bytes}, {Name: "ciphertext", Bytes: ciphertext}}
	plain.Command = feed(ciphertext) + fmt.Sprintf("openssl enc -d -aes-256-cbc -K %x -iv %x | od -An -v -tx1 | tr -d ' \\n'", key.Bytes, iv.Bytes)
	return []inspect.Value{key, iv, plain}
}

// session is the secret that the keys of the authenticated variant come from.
func (t *conversation) session(secrets inspect.Secrets) inspect.Value {
	return extracted(t.transcriptValue(), t.secret(inspect.Client, secrets), t.secret(inspect.Server, secrets))
}
