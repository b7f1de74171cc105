package lesson

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
)

func parsed(t *testing.T, text string) func(*run) (Value, error) {
	t.Helper()
	words, what := wordsOf(text)
	if what != nil {
		t.Fatalf("%s: %s", text, what)
	}
	value, what := parseValue(words)
	if what != nil {
		t.Fatalf("%s: %s", text, what)
	}
	return value
}

func TestWhatIsWrongWithAValueIsSaidWithWhatMayStandThere(t *testing.T) {
	for text, want := range map[string]string{
		"Sze":                              `"Sze" is no value; there are 12, three`,
		"sze of client text 1":             "of cannot stand here; behind a value there are plus, minus",
		"first of client text":             `"of" is no number`,
		"first 4 client text":              `"of" is missing before "client"`,
		"bytes 1 of client text":           `"to" is missing before "of"`,
		"size of":                          "a value is missing; there are 12",
		"1 plus":                           "a value is missing",
		"client ham":                       "then which kind: record, text",
		"client text 2 \"x\"":              "there may stand additional_data",
		"alert of nobody":                  `behind "of" comes client or server`,
		"read of client":                   `"by" is missing before "of"`,
		"schedule":                         "needs a value of the key schedule",
		"secret":                           "needs the label",
		"proof":                            "needs its kind",
		"proof finished of server seen":    `"by" is missing at the end`,
		"client text containing":           "behind containing comes a text",
		"proofs right":                     "verified or refuted",
		"equal blocks of 1":                `"and" is missing at the end`,
		"schedule key seen client":         `"by" is missing before "client"`,
		"version suite":                    "suite cannot stand here",
		"hmac of \"a\" and \"b\"":          `"with" is missing before "and"`,
		"schedule handshake_secret of all": `behind "of" comes client or server`,
	} {
		words, _ := wordsOf(text)
		_, what := parseValue(words)
		if what == nil || !strings.Contains(what.Error(), want) {
			t.Errorf("%s: %q, want %q", text, what, want)
		}
	}
}

func TestAValueThatIsKeptIsReadByItsName(t *testing.T) {
	r := &run{lets: map[string]Value{"stolen": textValue("token"), "n": numberValue(2)}}
	for text, want := range map[string]string{
		"stolen": "token", "first n of stolen": "to", "n times n plus one": "5", `"stolen"`: "stolen", "size of stolen": "5",
		"bytes 2 to 4 of stolen": "oke", "last three of stolen": "ken", "lines of stolen": "1", `lines of ""`: "0", `lines of "a\nb\n"`: "2", `lines of "a\nb"`: "2", "client": "client", "bad_record_mac": "bad_record_mac", "três": "3", "vinte": "20",
		`letters of "café"`: "4", `size of "café"`: "5", `port of "http"`: "80",
		"text of stolen then 0x00ff": "74 6f 6b 65 6e 00 ff", "0x01 then 0x02 then 0x0304": "01 02 03 04", "bit 1 of 6": "0", "bit three of 6": "1", "bit 9 of 0x0180": "1", "bit 10 of 0x0180": "0", "bit 2 of size of stolen": "0", "size of stolen plus size of stolen": "10",
	} {
		if v, err := parsed(t, text)(r); err != nil || v.String() != want {
			t.Errorf("%s: %s, %v", text, v, err)
		}
	}
	if _, err := parsed(t, "lost")(r); err == nil || !strings.Contains(err.Error(), "no let keeps a value as lost") {
		t.Errorf("a name that nothing is kept by: %v", err)
	}
	if _, err := parsed(t, "0x01 then n")(r); err == nil || !strings.Contains(err.Error(), "2 has no bytes") {
		t.Errorf("a number behind bytes: %v", err)
	}
	if _, err := parsed(t, "first 9 of stolen")(r); err == nil || !strings.Contains(err.Error(), "token has 5 bytes") {
		t.Errorf("more bytes than there are: %v", err)
	}
	if _, err := parsed(t, "bit 9 of 0x80")(r); err == nil || !strings.Contains(err.Error(), "80 has 1 byte") {
		t.Errorf("more bits than there are: %v", err)
	}
	if _, err := parsed(t, "bit 0 of 0x80")(r); err == nil {
		t.Error("bits are counted from 1, and there is one before it")
	}
	if _, err := parsed(t, "port of stolen")(r); err == nil || !strings.Contains(err.Error(), "there are http, https, ssh") {
		t.Errorf("a service that nobody knows: %v", err)
	}
}

func TestNoLetTakesAWordThatMeansSomething(t *testing.T) {
	for _, word := range []string{"three", "size", "version", "read", "schedule", "client", "plus", "of", "bytes", "handshake"} {
		if _, what := parseLet([]string{word, "=", "1"}, "", false); what == nil || !strings.Contains(what.Error(), "means something") {
			t.Errorf("%s is taken: %s", word, what)
		}
	}
	if _, what := parseLet([]string{"stolen", "=", `"client"`}, "", false); what != nil {
		t.Error(what)
	}
}

func TestValuesAreTheSameByNumberByBytesOrByText(t *testing.T) {
	suite := codeValue(0x1301, 2, "TLS_AES_128_GCM_SHA256")
	for _, c := range []struct {
		v    Value
		text string
		same bool
	}{
		{numberValue(3), "three", true},
		{numberValue(3), "3", true},
		{numberValue(3), "4", false},
		{suite, "TLS_AES_128_GCM_SHA256", true},
		{suite, "0x1301", true},
		{suite, "4865", true},
		{suite, "TLS_AES_256_GCM_SHA384", false},
		{Value{Bytes: []byte{0x16, 3, 1}}, "16 03 01", true},
		{Value{Bytes: []byte{0x16, 3, 1}}, "0x160301", true},
		{Value{Bytes: []byte{0x16, 3, 1}}, "0x1603", false},
		{Value{Bytes: []byte("ana")}, "ana", true},
		{textValue("3 é"), "3 é", true},
		{textValue("Ok"), "ok", false},
		{textValue("client_hello"), "ClientHello", true},
		{textValue("server_hello"), "ClientHello", false},
		{textValue("x25519"), "X25519", true},
		{textValue("TLS 1.3"), "TLS 1.2", false},
		{textValue("create_nome"), "createnome", false},
		{textValue("Ok"), `"Ok"`, true},
	} {
		if got := c.v.equal(literalValue(c.text)); got != c.same || literalValue(c.text).equal(c.v) != c.same {
			t.Errorf("%s and %s: %v", c.v, c.text, got)
		}
	}
}

func TestOneValueStandsInAnother(t *testing.T) {
	suite := codeValue(0x1301, 2, "TLS_AES_128_GCM_SHA256")
	for _, c := range []struct {
		v, w Value
		in   bool
	}{
		{textValue("create nome"), textValue(" "), true},
		{textValue("create nome"), textValue(""), false},
		{Value{Bytes: []byte("create nome")}, textValue("nome"), true},
		{Value{Bytes: []byte{1, 2, 3}}, Value{Bytes: []byte{2, 3}}, true},
		{Value{Bytes: []byte{1, 2, 3}}, Value{Bytes: []byte{3, 2}}, false},
		{listValue([]string{"client_hello", "finished"}), textValue("Finished"), true},
		{listValue([]string{"client_hello", "finished"}), textValue("client"), false},
		{suite, textValue("AES-128-GCM"), true},
		{suite, textValue("-"), false},
		{suite, textValue("AES-256-GCM"), false},
	} {
		if got := c.v.contains(c.w); got != c.in {
			t.Errorf("%s in %s: %v", c.w, c.v, got)
		}
	}
}

func TestWhatAStudentTypesIsReadLeniently(t *testing.T) {
	suite := codeValue(0x1301, 2, "TLS_AES_128_GCM_SHA256")
	for _, c := range []struct {
		v     Value
		given string
		right bool
	}{
		{numberValue(16), " 16 ", true},
		{numberValue(16), "0x10", true},
		{numberValue(16), "dezesseis", true},
		{numberValue(16), "#16", true},
		{numberValue(16), "17", false},
		{numberValue(8), "010", false},
		{numberValue(10), "010", true},
		{textValue("client_hello"), "ClientHello", true},
		{Value{Bytes: []byte{0xab, 0xcd}}, "abcd", true},
		{Value{Bytes: []byte{0xab, 0xcd}}, "AB:CD", true},
		{Value{Bytes: []byte{0xab, 0xcd}}, "0xab 0xcd", true},
		{Value{Bytes: []byte{0xab, 0xcd}}, "ab", false},
		{Value{Bytes: []byte{0xab, 0xcd}}, "", false},
		{suite, "tls_aes_128_gcm_sha256", true},
		{suite, "0x1301", true},
		{suite, "1302", false},
		{textValue("bad_record_mac"), "BAD_RECORD_MAC", true},
		{contentValue([]byte("read nome\n")), "read nome", true},
		{contentValue([]byte("read nome\n")), `"read nome"`, true},
		{contentValue([]byte("read nome\n")), "read name", false},
	} {
		if got := c.v.accepts(c.given); got != c.right {
			t.Errorf("%s, given %q: %v", c.v, c.given, got)
		}
	}
}

func TestAMutantIsNotTheValue(t *testing.T) {
	for _, v := range []Value{
		numberValue(0), numberValue(9),
		{Bytes: []byte{0x16}},
		{Bytes: []byte("abc")},
		spoken("Ok"), spoken(""), textValue("ação"), textValue("x\n"),
		textValue("bad_record_mac"), textValue("TLS 1.3"), textValue("client_hello"), textValue("verified"), textValue("client"), textValue("no"),
		codeValue(0x1301, 2, "TLS_AES_128_GCM_SHA256"), listValue([]string{"a", "b"}), contentValue([]byte("read nome\n")),
	} {
		mutants := v.mutants()
		if len(mutants) == 0 {
			t.Errorf("%s has none", v)
		}
		for _, mutant := range mutants {
			if v.equal(mutant) || mutant.equal(v) || v.accepts(mutant.String()) {
				t.Errorf("%s and its mutant %s are the same", v, mutant)
			}
		}
	}
	alerts := textValue("bad_record_mac").mutants()
	if !slices.ContainsFunc(alerts, func(v Value) bool { return v.Text == "unexpected_message" }) {
		t.Errorf("another alert is no mutant of an alert: %v", alerts)
	}
}

func TestWhatARecordHasIsAllNamed(t *testing.T) {
	valueWords, operatorWords := docs.For("en").Say("fault_values"), docs.For("en").Say("fault_value_behind", "word", "", "values", "")
	var names []string
	for name := range unitParts {
		names = append(names, name)
	}
	slices.Sort(names)
	if strings.Join(names, ", ") != partWords {
		t.Errorf("there are %q", names)
	}
	for _, words := range []map[string]expression{sessionWords} {
		for word := range words {
			if !strings.Contains(valueWords, word) {
				t.Errorf("%s is not named", word)
			}
		}
	}
	for word := range properties {
		if !strings.Contains(valueWords, word+" of") {
			t.Errorf("%s is not named", word)
		}
	}
	for word := range operators {
		if !strings.Contains(operatorWords, word) {
			t.Errorf("%s is not named", word)
		}
	}
	for word := range endpointWords {
		if !strings.Contains(valueWords, word) {
			t.Errorf("%s is not named", word)
		}
	}
}

func TestAnAlteredClaimIsNotTrue(t *testing.T) {
	r := &run{lets: map[string]Value{"n": numberValue(5), "list": listValue([]string{"client_hello", "finished"}), "data": {Bytes: []byte{1, 2, 3}}}}
	for _, text := range []string{
		"n is five", "n is not 6", "n is less than 6", "n is more than 4", "n is at least 5", "n is at most five", "list contains finished",
		`list is "client_hello, finished"`, "data is 0x010203", "data contains 0x0203", "first 1 of data is 0x01", `"client" is client`,
	} {
		words, _ := wordsOf(text)
		c, what, ok := parseComparison(words)
		if !ok || what != nil {
			t.Fatalf("%s: %s", text, what)
		}
		if got, ok := c.judge(r); !ok {
			t.Errorf("%s: %s", text, got)
		}
		for i, mutant := range c.mutants(r) {
			if got, ok := mutant.judge(r); ok {
				t.Errorf("%s, alteration %d: is true: %s", text, i, got)
			}
		}
	}
}

func TestQuotesTellTextFromWords(t *testing.T) {
	for text, want := range map[string]string{`client is content`: "", `"client" is "client"`: "", `noticed is bogus-word`: "", `answer the name is taken`: "", "n is": "a value is missing", "client text 1 is \"x": "a quote"} {
		_, err := Parse("test", "on plain\nexpect "+text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzParseValue(f *testing.F) {
	for _, seed := range []string{
		"first 4 of client client_hello random", "size of server certificate plus 5", `"text" xor 0x16`, "schedule key of client seen by server",
		"equal blocks of client unit message 1 and client unit message 2", "client text last containing \"x\" content is 1", "hmac of a with b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words, what := wordsOf(text)
		if what != nil {
			return
		}
		value, what := parseValue(words)
		if (value == nil) == (what == nil) {
			t.Errorf("%q: %q", text, what)
		}
		parseAssertion(words)
	})
}

// spoken13 is a run over a conversation in TLS 1.3, as it stands on the wire: without secrets.
func spoken13(t *testing.T) *run {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	full, wire := inspect.NewTap(), inspect.NewTap()
	certificate := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	client, server := full.Pipe(&tls.Config{InsecureSkipVerify: true}, &tls.Config{Certificates: []tls.Certificate{certificate}})
	echoed := make(chan error, 1)
	go func() {
		b := make([]byte, 5)
		_, err := server.Read(b)
		server.Write(b)
		echoed <- err
	}()
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := <-echoed; err != nil {
		t.Fatal(err)
	}
	client.Close()
	server.Close()
	full.Close()
	for e := range full.Recording().Events(0) {
		if e.Kind != inspect.Secret {
			wire.Recording().Append(e)
		}
	}
	return &run{tap: wire, session: inspect.NewSession(wire.Recording()), until: -1}
}

func TestWhatIsEncryptedWithoutKeysIsNotToBeHad(t *testing.T) {
	r := spoken13(t)
	for text, want := range map[string]string{
		"client text":                     "of its records cannot be read, because their keys are not known",
		"server certificate":              "of its records cannot be read",
		"client record 3 content":         "the record is encrypted, and cannot be read",
		"client record 3 nonce":           "not known",
		"client record 3 description":     "that is known: the record is encrypted",
		"schedule key of client":          "is not known in this session",
		"secret CLIENT_TRAFFIC_SECRET_0":  "has no secret",
		"proof finished of server":        "the server has not proved finished",
		"error of client":                 "the client returned no error",
		"alert of server":                 "the server sent no alert",
		"guessed":                         "nothing was guessed",
		"client client_hello description": "there are additional_data, connection",
		"formula of client record":        "has no formula",
		"offset of client record":         "is no field",
		"count of client record":          "nothing that could be counted",
		"number of client record":         "is no number",
	} {
		if v, err := parsed(t, text)(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v, want %q", text, v, err, want)
		}
	}
	for text, want := range map[string]string{"size of client record 1 header": "5", "version": "TLS 1.3", "client record 1 type": "handshake"} {
		if v, err := parsed(t, text)(r); err != nil || v.String() != want {
			t.Errorf("%s: %s, %v", text, v, err)
		}
	}
}

func TestAProofIsSaidInTheLanguageOfTheProse(t *testing.T) {
	v := Value{Text: "verified", words: outcomeWords[inspect.Verified]}
	if v.in("pt-BR") != "confirmada" || v.in("en") != "verified" || !v.equal(textValue("confirmada")) || v.equal(textValue("refutada")) {
		t.Errorf("verified is said %q", v.in("pt-BR"))
	}
}
