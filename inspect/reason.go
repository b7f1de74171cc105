package inspect

import (
	"fmt"
	"strings"
)

// A Reason is a sentence for the reader, in whatever language: why a value is
// not known, why a proof is refuted or cannot be checked. Package docs has it
// in every language under "reason_" and Key; String says it in English. The
// zero value says nothing.
type Reason struct {
	Key  string // stable, as in "unknown_authority"
	Data []any  // what the sentence speaks of, in pairs of a name and its value; values may quote captured text
}

func because(key string, data ...any) Reason { return Reason{key, data} }

// String returns the sentence in English.
func (r Reason) String() string {
	pairs := make([]string, len(r.Data))
	for i, datum := range r.Data {
		if pairs[i] = fmt.Sprint(datum); i%2 == 0 {
			pairs[i] = "{{." + pairs[i] + "}}"
		}
	}
	return strings.NewReplacer(pairs...).Replace(reasons[r.Key])
}

// Text returns the text that the sentence speaks of by a name.
func (r Reason) Text(name string) (text string, ok bool) {
	text, ok = r.datum(name).(string)
	return text, ok
}

// Number returns the number that the sentence speaks of by a name; 0 if there is none.
func (r Reason) Number(name string) int {
	n, _ := r.datum(name).(int)
	return n
}

func (r Reason) datum(name string) any {
	for i := 0; i+1 < len(r.Data); i += 2 {
		if r.Data[i] == name {
			return r.Data[i+1]
		}
	}
	return nil
}

// QuotingNote is the key of a note that quotes clear text which the records hold
// too: a [Session] has no item for it.
const QuotingNote = "capture_quote"

// The keys of notes by which a file says that a connection is what one end saw
// of one that was tampered with: the client, or the server. What its other end
// got of it is not known here.
const (
	ClientsPart = "capture_divided"
	ServersPart = "capture_half"
)

// reasons are the sentences in English.
var reasons = map[string]string{
	// Why a record is not read.
	"undecided":          "not decided yet which key it is under",
	"no_secret":          "no secret for this client random",
	"secret_missing":     "of this connection's secrets, the recording lacks {{.labels}} (client random {{.random}})",
	"secrets_of_others":  "the secrets in the recording are of other connections; of this one it lacks {{.labels}} (client random {{.random}})",
	"secret_misfit":      "its {{.label}} in the recording has {{.got}} bytes, where {{.want}} belong",
	"secret_misfit_line": "its {{.label}} has {{.got}} bytes, where {{.want}} belong: line {{.line}} of the key log",
	"tag":                "the tag does not verify",
	"suite":              "cipher suite not supported",
	"records_missing":    "records before this one are missing",
	"bytes_let_go":       "its bytes were let go",
	"random_missing":     "the ClientHello is not in the recording, or not all of it, and without its random no secret can be found",
	"choice_missing":     "the ServerHello, which chooses the version and the cipher suite, is not in the recording so far, or not all of it",
	"hello_unsaid":       "it is protected, and its sender has said no hello before it: under which key is not known",
	"doubtful":           "bytes before it are missing, so it may be protected, or a piece of a message in clear",
	"too_short":          "too short to hold a nonce and a tag",
	"cut_off":            "its tail, with the tag, is missing",
	"no_inner_secret":    "no secret for this client random; but Encrypted Client Hello was offered: if the server accepted it, the secrets stand under the random of the ClientHelloInner, which is not known",

	"protocol": "not opened",

	// What is said of a capture's bytes.
	"capture_comment":            "a comment in the file: {{.text}}",
	"capture_stray":              "a {{.flag}} of TCP has a sequence number at which its receiver does not take it; it ends nothing",
	"capture_differs":            "bytes were sent a second time and differ ({{.bytes}} of them); those that were captured first count",
	"capture_form_bytes":         "read as bytes, since it is no text",
	"capture_form_dump":          "read as a hex dump, as hexdump -C and Wireshark write it: each line begins with its offset",
	"capture_form_xxd":           "read as a hex dump of xxd: each line begins with its offset and a colon",
	"capture_form_words":         "read as a dump of numbers, as hexdump, od -x and xxd -e print them: the bytes of each are swapped back",
	"capture_form_hex":           "read as hex digits, since there is nothing else in it",
	"capture_form_code":          "read as bytes in a program's source: numbers with commas between them, or a string with escapes",
	"capture_form_base64":        "read as base64, since it has the letters of that alone",
	"capture_form_pem":           "read as PEM: it has lines that begin with -----BEGIN",
	"capture_form_ambiguous":     "it could have been read in another way too, which also makes sense",
	"capture_form_octal":         "read as a dump in octal, as od prints it",
	"capture_form_bits":          "read as a dump of bits, as xxd -b prints it",
	"capture_form_hex_in":        "read as hex: the longest run of its digits, among other words",
	"capture_form_base64_in":     "read as base64: the longest run of its letters, among other words",
	"capture_passed_private":     "a private key that stands beside it was passed over: it is a secret, and is not shown",
	"capture_passed":             "other PEM blocks that stand beside it were passed over: {{.types}}",
	"capture_as_records":         "taken for TLS records, since it begins with the header of one",
	"capture_as_messages":        "taken for handshake messages without records: their types and lengths fit",
	"capture_as_certificates":    "taken for X.509 certificates: it can be parsed as that",
	"capture_sender_client":      "who sent it follows from its messages: {{.name}} is sent by clients alone",
	"capture_sender_server":      "who sent it follows from its messages: {{.name}} is sent by servers alone",
	"capture_sender_client_rest": "who sent it follows from its messages: {{.name}} is sent by clients alone; what either side may send counts as sent by whoever sent what stands beside it",
	"capture_sender_server_rest": "who sent it follows from its messages: {{.name}} is sent by servers alone; what either side may send counts as sent by whoever sent what stands beside it",
	"capture_sender_unknown":     "who sent it is not known: either side may send this",
	"capture_as_frames":          "taken for Ethernet frames with TCP in them: the headers fit",
	"capture_as_packets":         "taken for IP packets with TCP in them: the headers fit",
	"capture_divided":            "from here on client and server did not see the same bytes: this connection is what the client sent and what reached it; the one of {{.tap}} is what reached the server and what it sent",
	"capture_half":               "this connection is what reached the server, and what it sent; the one of {{.client}} is what the client sent and what reached it",
	"capture_protocol":           "the connection speaks {{.protocol}}, and not TLS",
	"capture_undeliverable":      "from its byte {{.from}} on it could not be delivered any more",

	// Why a server could not be reached.
	"server_refused":     "nobody listens on {{.addr}}; the client's connection was closed",
	"server_unknown":     "there is no computer by the name in {{.addr}}; the client's connection was closed",
	"server_silent":      "no answer from {{.addr}} in time; the client's connection was closed",
	"server_unreachable": "no connection to {{.addr}} ({{.error}}); the client's connection was closed",

	// Why a ClientHelloInner is not known, or must be refused.
	"inner_no_key":      "nothing that could open the ClientHelloInner is in the recording",
	"inner_closed":      "what is in the recording does not open the ClientHelloInner: it was sealed for another configuration, the hello was changed on its way, or it is GREASE",
	"inner_algorithm":   "the ClientHelloInner is sealed with an algorithm that is not supported",
	"inner_first":       "the second ClientHelloInner is sealed in the HPKE context of the first, and that could not be opened",
	"inner_cut":         "what was sealed is no EncodedClientHelloInner: it cannot be parsed",
	"inner_session_id":  "the legacy_session_id of the EncodedClientHelloInner is not empty, as it must be",
	"inner_padding":     "the padding of the EncodedClientHelloInner is not all zeros, as it must be",
	"inner_reference":   "ech_outer_extensions names an extension that the outer hello does not have, or not in this order",
	"inner_referenced":  "ech_outer_extensions names encrypted_client_hello, which it must not",
	"inner_too_long":    "with the extensions of the outer hello, the ClientHelloInner is longer than one can be",
	"inner_no_mark":     "the ClientHelloInner lacks an encrypted_client_hello of the type inner, and the server must refuse it",
	"inner_old_version": "the ClientHelloInner offers TLS 1.2 or below, and the server must refuse it",

	// What has no answer without the ClientHelloInner, and what a server says by it.
	"no_inner_hello":    "the transcript begins with the ClientHelloInner, which is not known",
	"ech_undecided":     "the transcript begins with the ClientHelloInner if the server has accepted it, and with the ClientHelloOuter if not, and which of the two is not known",
	"ech_not_confirmed": "these are not the bytes by which a server accepts what was sealed: it has rejected it, and the handshake is that of the ClientHelloOuter",

	// Why bytes are not split into records.
	"not_tls_type":    "its first byte is no content type of TLS: it is no TLS, or the rest of a record whose beginning is missing",
	"not_tls_version": "its second byte is not 0x03, the first byte of every TLS version",
	"not_tls_length":  "its length is more than a TLS record may have",
	"not_tls_next":    "it begins as a record of TLS might, but where that would end no other begins",
	"behind_no_tls":   "what this side sent before it is no TLS, so where a record would begin is not known",
	"no_tls":          "there is no TLS on this connection",
	"snapped":         "the capture kept only the beginning of the packet (snap length)",
	"after_gap":       "bytes before it are missing, so where a record begins is not known",
	"rest":            "the rest of a record, of which the bytes before it are missing",
	"no_unit":         "the protocol of this connection has no unit that begins so",
	"unit_too_long":   "the unit that begins here would be longer than one may be",

	// Why a unit of another protocol than TLS is not opened: for its protocol to say.
	"unit_no_secret": "the secret that it is encrypted with is not in the recording",
	"unit_length":    "it has a length that this encryption never gives",
	"unit_padding":   "what it says in clear does not end in the padding that it should: the key is another, or it was changed on the way",
	"unit_announced": "its length was told before it, and the receiver takes no other",
	"unit_mac":       "its authentication code does not verify: the key is another, or it was changed on the way",

	// Why something cannot be changed, or sealed.
	"edit_outside":    "{{.offset}} lies outside of the bytes, which end at {{.count}}",
	"edit_no_field":   "there is no such field here: {{.field}}",
	"edit_is_length":  "{{.field}} follows from what it counts: change that, or have the lengths left alone",
	"edit_piece":      "this is a piece of a message that spans several records, and its length may stand in another one: change it byte for byte, or have the lengths left alone; bytes that it has: {{.want}}, bytes given: {{.got}}",
	"edit_fixed_size": "{{.field}} is fixed in size: bytes that it takes: {{.want}}, bytes given: {{.got}}",
	"edit_items":      "{{.field}} is an item of a list: bytes that one takes: {{.want}}, bytes given: {{.got}}",
	"edit_too_long":   "{{.field}} cannot count so much; bytes that it has: {{.count}}",
	"record_too_long": "a record cannot hold so much; bytes given: {{.count}}",
	"value_bytes":     "{{.field}} takes hex digits, two for each byte, or text in quotation marks",
	"value_number":    "{{.field}} takes a number that fits in it, in decimal or as 0x and hex digits; bytes that it has: {{.count}}",
	"value_code":      "{{.field}} takes a name of the standard, or a number that fits in it, in decimal or as 0x and hex digits; bytes that it has: {{.count}}",
	"seal_undecided":  "what the receiver awaits next is not known: a record before is not decided",
	"seal_no_key":     "the key that the receiver awaits is not in the recording",
	"seal_protocol":   "its protocol has no way here to encrypt it anew",

	// Why a value of the key schedule is not known.
	"input":            "an input is not known",
	"psk":              "the pre-shared key is not in the recording",
	"private_key":      "no private key of the key exchange is in the recording",
	"dark":             "crypto/tls did not draw its private keys from Config.Rand, so the glass box has none",
	"not_so_far":       "the handshake has not come so far",
	"messages":         "messages that it should cover are missing",
	"messages_closed":  "messages that it should cover could not be decrypted",
	"messages_lacking": "of the messages that it should cover, some are missing, and some could not be decrypted",
	"master":           "the master secret is not in the recording",

	// How a proof came out.
	"mac_differs":              "the value differs from the one that the transcript gives",
	"signature_wrong":          "the signature does not fit the key and what it should be over",
	"key_kind":                 "the certificate's key is of another kind than the signature scheme",
	"key_unknown":              "the certificate's key is of a kind that is not supported",
	"record_closed":            "its record could not be decrypted",
	"unparsed":                 "the message cannot be parsed",
	"certificate_unparsed":     "a certificate cannot be parsed: {{.error}}",
	"no_certificate":           "the certificate is not in the recording",
	"scheme_not_listed":        "the signature is made with {{.scheme}}, which the other side did not list in signature_algorithms",
	"scheme_forbidden":         "the signature is made with {{.scheme}}, which TLS 1.3 does not allow in the handshake",
	"scheme_curve":             "the key is on another curve than {{.scheme}} wants in TLS 1.3",
	"scheme":                   "the signature scheme {{.scheme}} is not supported",
	"binder_without_identity":  "there are more binders than identities",
	"binder_length":            "no hash of TLS 1.3 has the binder's length",
	"chain":                    "the chain {{.chain}} is whole; for {{.use}}; valid on {{.time}}",
	"chain_name":               "the chain {{.chain}} is whole; for {{.use}}; its name is {{.name}}; valid on {{.time}}",
	"unknown_authority":        "no chain leads from {{.subject}} to a trusted root: its issuer should be one, or lead to one, but is {{.issuer}}",
	"authority_refused":        "no chain leads from {{.subject}} to a trusted root: {{.error}}",
	"wrong_name":               "it should be for {{.name}}, but is for {{.names}}",
	"expired":                  "{{.subject}} should be valid on {{.time}}, but was so only until {{.until}}",
	"not_yet_valid":            "{{.subject}} should be valid on {{.time}}, but is so only from {{.from}} on",
	"wrong_use":                "a certificate of the chain should be for {{.use}}, but is not",
	"chain_broken":             "the chain from {{.subject}} breaks a rule: {{.error}}",
	"no_client_hello":          "the ClientHello is not in the recording, or not all of it",
	"not_offered":              "the server chose {{.version}}, which the client did not offer",
	"no_roots":                 "which roots the {{.side}} trusts is not in the recording",
	"system_roots":             "the {{.side}} trusts the roots of its system, and they are not in the recording",
	"no_name":                  "the chain leads to a trusted root, but which name the client expects is not in the recording",
	"no_clock":                 "what time it was is not in the recording",
	"not_checked":              "the {{.side}} itself does not check it: its configuration says so",
	"sentinel_absent":          "the client offered TLS 1.3, the server chose {{.version}}, and its random does not end in the sign of a server that could do better",
	"sentinel_present":         "the client offered TLS 1.3 and the server chose {{.version}}, yet its random ends in the sign of a server that could do better: someone has lowered the offer, and the client must end the handshake",
	"sentinel_absent_12":       "the client offered TLS 1.2, the server chose {{.version}}, and its random does not end in the sign of a server that could do better",
	"sentinel_present_12":      "the client offered TLS 1.2 and the server chose {{.version}}, yet its random ends in the sign of a server that could do better: someone has lowered the offer, and the client should end the handshake",
	"sentinel_old":             "the client offered no more than {{.best}}, and such clients do not look for the sign",
	"sentinel_best":            "the server chose {{.version}}, the highest version that the client offered",
	"sentinel_best_but_marked": "the server chose {{.version}}, the highest version that the client offered, and its random ends in the sign that it could do better, as it must",
}
