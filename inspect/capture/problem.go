package capture

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Problem is something in a file that could not be read: where, and what.
type Problem struct {
	Offset int64  // of the packet or block in the file, in bytes; -1 where the problem that wraps this one says where
	Key    string // of its sentence: package docs has it in every language under "capture_" and Key
	Data   []any  // what the sentence speaks of, in pairs of a name and its value
	Err    error  // what caused it, if anything did
	Ends   bool   // nothing of the file was read behind it; otherwise only this was left out
	Again  int    // how many problems of the same kind came after this one, the first
}

// Error says in English what is wrong.
func (p *Problem) Error() string { return p.tell(english) }

// Unwrap returns what caused the problem.
func (p *Problem) Unwrap() error { return p.Err }

func (p *Problem) tell(say func(id string, pairs ...any) string) string {
	id, data := "capture_"+p.Key, slices.Clone(p.Data)
	for i, datum := range data {
		if named, ok := datum.(*Problem); ok { // words, in the language too
			data[i] = named.tell(say)
		}
	}
	again := p.Again > 0 && texts[p.Key+"_again"] != ""
	if again {
		id += "_again"
		data = append([]any{"count", p.Again + 1, "offset", p.Offset}, data...)
	}
	text := say(id, data...)
	if p.Err != nil && p.Err != io.ErrUnexpectedEOF { // that it ends is said
		text += ": " + Explain(p.Err, say)
	}
	if p.Offset >= 0 && !again {
		text = say("capture_at", "offset", p.Offset, "what", text)
	}
	return text
}

// kind is what a problem has in common with others that differ in where they
// are: the keys of what is wrong, and the link type that is not supported.
func (p *Problem) kind() string {
	kind := p.Key
	if p.Key == "link" {
		kind += fmt.Sprint(p.Data...)
	}
	if cause, ok := p.Err.(*Problem); ok {
		kind += " " + cause.kind()
	}
	return kind
}

// Explain says what is wrong with a file in the language of say, which is
// given the ids of package docs: the errors of this package, one after another.
// What they quote of other packages stays as it is.
func Explain(err error, say func(id string, pairs ...any) string) string {
	switch err := err.(type) {
	case *Problem:
		return err.tell(say)
	case interface{ Unwrap() []error }:
		var texts []string
		for _, each := range err.Unwrap() {
			texts = append(texts, Explain(each, say))
		}
		return strings.Join(texts, "; ")
	}
	return err.Error()
}

// trouble is a problem of what another problem says where it is.
func trouble(key string, data ...any) *Problem { return &Problem{Offset: -1, Key: key, Data: data} }

// cut is the problem of a file that ends within what begins at offset; key
// names that.
func cut(offset int64, key string, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return &Problem{Offset: offset, Key: "cut_" + key, Err: io.ErrUnexpectedEOF}
	}
	return &Problem{Offset: offset, Key: "unreadable", Err: err}
}

// english is how this package says things itself.
func english(id string, pairs ...any) string {
	text := texts[strings.TrimPrefix(id, "capture_")]
	for i := 0; i+1 < len(pairs); i += 2 {
		text = strings.ReplaceAll(text, "{{."+pairs[i].(string)+"}}", fmt.Sprint(pairs[i+1]))
	}
	return text
}

// texts are the sentences in English.
var texts = map[string]string{
	"at":   "at byte {{.offset}}: {{.what}}",
	"more": "{{.more}} problems more",

	// What a file is, and where it ends.
	"empty":           "the file is empty",
	"unreadable":      "it cannot be read on from here",
	"compressed":      "the file is compressed; unpack it with gunzip first",
	"modified":        "this is pcap as a changed libpcap of the 1990s wrote it (magic a1 b2 cd 34), which is not read; convert it with editcap first",
	"paste_long":      "it begins with {{.bytes}} and is no capture, and is longer than the {{.most}} bytes that are looked at of anything else",
	"paste_rest":      "of what was pasted, the first {{.most}} bytes of records or messages are shown",
	"paste_text":      "it begins with {{.bytes}}: neither pcapng nor pcap, and no key log, hex dump, hex, base64 or PEM",
	"paste_odd":       "it has {{.digits}} hex digits, an odd number: one is missing, or one too many",
	"paste_unknown":   "it was read as {{.form}}, and what that gives begins with {{.bytes}}: neither a capture nor a TLS record, a handshake message, a certificate or a packet",
	"paste_nearly":    "it was read as {{.form}}",
	"paste_pem":       "it has the beginning of a PEM block and no whole one",
	"paste_pem_holds": "its PEM holds {{.types}}",
	"paste_pem_shown": "of PEM, certificates are shown",
	"paste_private":   "it is a private key, which is a secret and is not shown: a recording does not need it, only the key log of its sessions",
	"nearly_header":   "it ends after {{.length}} bytes, within the header of a TLS record or right behind it",
	"nearly_record":   "it begins like a TLS record, but says that it is {{.length}} bytes long, and 1 to {{.most}} are taken for one",
	"nearly_dtls":     "it begins like a record of DTLS, which is TLS over UDP and is not read",
	"nearly_ssl2":     "it begins like a ClientHello of SSL 2.0, which is not read",
	"nearly_request":  "it is a certificate request (PKCS #10), which never crosses in TLS and is not shown",
	"nearly_public":   "it is a public key alone, which is not shown; a certificate is",
	"nearly_pkcs7":    "it is signed data of PKCS #7, which is not shown; take the certificates out with openssl pkcs7 -print_certs",
	"form_bytes":      "bytes that are no text",
	"form_dump":       "a hex dump",
	"form_xxd":        "a hex dump of xxd",
	"form_words":      "a dump of numbers",
	"form_octal":      "a dump in octal",
	"form_bits":       "a dump of bits",
	"form_hex":        "hex digits",
	"form_code":       "bytes in a program's source",
	"form_base64":     "letters of base64",
	"no_connection":   "the end, and none of its {{.packets}} packets belongs to a TCP connection",
	"cut_header":      "the file ends within its header",
	"cut_head":        "the file ends within the head of a packet",
	"cut_packet":      "the file ends within a packet",
	"cut_block":       "the file ends within a block",
	"cut_blockhead":   "the file ends within the head of a block",
	"cut_section":     "the file ends within the head of a section",

	// Blocks and packets.
	"packet_length":     "a packet says that it is {{.length}} bytes long; nothing after it was read",
	"block_length":      "a block says that it is {{.length}} bytes long; nothing after it was read",
	"block_lengths":     "a block gives its length as {{.length}} and as {{.again}}; nothing after it was read",
	"before_section":    "a block stands before the first section",
	"byte_order":        "a section has {{.bytes}} where its byte order should be",
	"nonsense":          "a block makes no sense, and nothing after it was read",
	"interface_short":   "an interface in {{.length}} bytes",
	"interfaces":        "more than {{.most}} interfaces",
	"option_length":     "an option of {{.length}} bytes in {{.room}}",
	"resolution":        "a time resolution of {{.byte}}",
	"packet_short":      "a packet in {{.length}} bytes",
	"packet_interface":  "a packet of interface {{.number}}, of which there are {{.interfaces}}",
	"packet_in":         "a packet of {{.length}} bytes in {{.room}}",
	"packet_simple":     "a packet in {{.length}} bytes, with {{.interfaces}} interfaces",
	"secrets_short":     "secrets in {{.length}} bytes",
	"secrets_in":        "secrets of {{.length}} bytes in {{.room}}",
	"secrets":           "secrets were left out",
	"secrets_again":     "secrets were left out in {{.count}} places, the first at byte {{.offset}}",
	"secrets_most":      "more than {{.most}} secrets; the rest is left out",
	"comments":          "comments were left out",
	"comments_again":    "comments were left out in {{.count}} places, the first at byte {{.offset}}",
	"comments_most":     "comments of more than {{.most}} bytes; the rest is left out",
	"packet":            "a packet was left out",
	"packet_again":      "{{.count}} packets were left out, the first at byte {{.offset}}",
	"link":              "link type {{.link}} is not supported",
	"fragment_missing":  "it came in fragments, not all of which are there",
	"fragment_wrong":    "it came in fragments that overlap, or contradict each other",
	"snapped":           "the capture kept {{.kept}} bytes of each packet, too few for TCP's header; capture again with -s 0, which keeps all",
	"snap":              "the capture kept {{.kept}} bytes of each packet (snap length), and what came behind them is missing; capture again with -s 0, which keeps all",
	"snap_some":         "the capture kept only the beginnings of packets (snap length), here of {{.count}}, and what came behind is missing; capture again with -s 0, which keeps all",
	"ipv4_header":       "an IPv4 packet of {{.length}} bytes with a header of {{.header}}, of which there are {{.room}}",
	"headers":           "it ends within its headers",
	"tcp_short":         "a TCP segment of {{.length}} bytes",
	"tcp_header":        "a TCP segment of {{.length}} bytes with a header of {{.header}}",
	"tcp_window":        "its TCP sequence number lies outside any window",
	"connections":       "more than {{.most}} connections at once",
	"connections_total": "more than {{.most}} connections",

	// What packets are commented with.
	"note_client":        "the client",
	"note_server":        "the server",
	"note_bare":          "bytes that someone has copied: packets, addresses and times are made up",
	"note_bare_unknown":  "bytes that someone has copied: packets, addresses and times are made up, and so is who sends them, which is not known",
	"note_late":          "the connection had begun before it was captured: this beginning is made up",
	"note_lost":          "{{.bytes}} bytes that {{.side}} sent are missing here: they were not captured",
	"note_protocol":      "the connection speaks {{.protocol}}, and not TLS",
	"note_wrote":         "{{.side}}'s program wrote {{.bytes}} bytes: {{.text}}",
	"note_read":          "{{.side}}'s program read {{.bytes}} bytes: {{.text}}",
	"note_printed":       "{{.side}}'s program said on its own screen: {{.text}}",
	"note_failed":        "{{.side}} failed: {{.text}}",
	"note_silent":        "{{.side}} waited {{.ms}} ms, until its deadline, for what did not come",
	"note_let_go":        "{{.bytes}} bytes of what {{.side}} sent had been let go before they were written here",
	"note_held":          "the tap held this, from {{.side}}, for {{.seconds}} s",
	"note_altered":       "altered by the tap: {{.side}} sent something else",
	"note_injected":      "injected by the tap: {{.side}} never sent this",
	"note_dropped":       "dropped by the tap: something that {{.side}} sent never arrives",
	"note_expired":       "the tap let go on what {{.side}} sent, since it had held it as long as it may",
	"note_undeliverable": "what {{.side}} sent could not be delivered any more, from its byte {{.from}} on",
	"note_cut":           "cut by the tap, and not by either side",
	"note_divided":       "from here on client and server did not see the same bytes: this is what the client sent and what reached it; the conversation of {{.tap}} is what reached the server and what it sent",
	"note_half":          "what reached the server, and what it sent; the conversation of {{.client}} is what the client sent and what reached it",

	// Key logs.
	"key_log_line":            "key log line {{.line}}",
	"key_log_line_again":      "{{.count}} lines of the key log were left out, the first of them line {{.line}}",
	"key_log_read":            "key log after line {{.line}}",
	"key_log_words":           "a label, an identifier and a secret are wanted, and the number of words is {{.number}}",
	"key_log_label":           "the label is not printable ASCII",
	"key_log_identifier":      "the identifier is not an even number of hex digits",
	"key_log_secret":          "the secret is not an even number of hex digits",
	"capture_bare_of_secrets": "it is a capture without secrets in it (Decryption Secrets Blocks)",
	"secrets_private":         "it is a private key: it decrypts nothing where keys are agreed on by (EC)DHE, as in nearly all of TLS today, and this program does not use it for the RSA key exchange of TLS 1.2 either",
	"secrets_pem":             "it is PEM, which holds no secrets of sessions",
	"made_json":               "it is a session as JSON lines, which are not read back: open the capture that it is of; what export --format pcapng writes can be opened again",
	"made_csv":                "it is a session as a table (CSV), which is not read back: open the capture that it is of; what export --format pcapng writes can be opened again",
	"made_text":               "it is a session told as text, which is not read back: open the capture that it is of; what export --format pcapng writes can be opened again",
	"made_html":               "it is a page of HTML, which is not read: if it tells a session, open the capture that it is of",
	"key_log_alone":           "it is a key log, and its secrets are of use with their capture alone: give that too",
	"key_log_not_a_file":      "it is not an ordinary file, and cannot be followed",
	"key_log_too_long":        "longer than {{.most}} bytes",
}

// maxProblems is how many kinds of problems of one file are told; the rest are
// counted.
const maxProblems = 10

// Problems gathers what is wrong with a file, a bounded number of kinds: of each,
// the first, and how many more there are. The zero value is ready.
type Problems struct {
	told  []*Problem
	kinds map[string]*Problem
	more  int
}

// Add takes in one more, or several joined.
func (p *Problems) Add(err error) {
	switch err := err.(type) {
	case nil:
	case *Problem:
		p.add(*err)
	case interface{ Unwrap() []error }:
		for _, each := range err.Unwrap() {
			p.Add(each)
		}
	default:
		p.add(Problem{Offset: -1, Key: "unreadable", Err: err, Ends: true})
	}
}

func (p *Problems) add(problem Problem) {
	kind := problem.kind()
	switch first := p.kinds[kind]; {
	case first != nil:
		first.Again += 1 + problem.Again
	case len(p.told) >= maxProblems && !problem.Ends:
		p.more += 1 + problem.Again
	default:
		if p.kinds == nil {
			p.kinds = make(map[string]*Problem)
		}
		p.kinds[kind] = &problem
		p.told = append(p.told, &problem)
	}
}

// Err joins the problems; nil if there is none. It is the caller's: what is
// added later does not change it.
func (p *Problems) Err() error {
	var all []error
	for _, problem := range p.told {
		told := *problem
		all = append(all, &told)
	}
	if p.more > 0 {
		all = append(all, trouble("more", "more", p.more))
	}
	return errors.Join(all...)
}

// Divide divides what was wrong with a file: what was left out while the rest
// was read, and what ended the reading before the file did. Each is nil where
// there is nothing of the kind.
func Divide(err error) (leftOut, ended error) {
	switch err := err.(type) {
	case nil:
		return nil, nil
	case *Problem:
		if !err.Ends {
			return err, nil
		}
	case interface{ Unwrap() []error }:
		var left, ends []error
		for _, each := range err.Unwrap() {
			out, end := Divide(each)
			left, ends = append(left, out), append(ends, end)
		}
		return errors.Join(left...), errors.Join(ends...)
	}
	return nil, err
}
