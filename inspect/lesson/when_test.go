package lesson

import (
	"slices"
	"strings"
	"testing"
)

func TestWordsThatTheirConditionDoesNotHoldAreFaults(t *testing.T) {
	for prose, want := range map[string]string{
		"{{The server notices when noticed is server}}.":                                                            "",
		"{{The *server* notices when noticed is server}}.":                                                          "",
		"{{The client notices when noticed is server}}.":                                                            "fault_when",
		"{{It is noticed when noticed is server}}.":                                                                 "fault_when_nothing",
		"{{The server's record is longer when size of client text 1 is more than size of server text 1}}.":          "fault_when_either",
		"{{It is not the server when noticed is server}}.":                                                          "fault_when",
		"{{The server said so when server alerts nothing}}.":                                                        "fault_when_not",
		"{{The server has {{32}} bytes when noticed is server}}.":                                                   "fault_unproved",
		"{{The server has 32 bytes when noticed is server}}.":                                                       "fault_unproved",
		"{{One is less than the other: it comes before when 1 is less than 2}}.":                                    "fault_expect",
		"{{The answer is the same when answer is answer}}.":                                                         "fault_same",
		"{{The Finished is before the ClientHello when server finished row is less than client client_hello row}}.": "", // whether it is so, the session says
		"{{The alert was bad_record_mac when alert of server is bad_record_mac}}. It was bad_record_mac.":           "",
	} {
		l, err := ParseLesson("try", "# Title\nminutes: 5\n\n"+prose+"\n")
		if err != nil {
			if want != "fault_unproved" {
				t.Errorf("%s: %v", prose, err)
			}
			continue
		}
		var ids []string
		for _, f := range l.Faults() {
			ids = append(ids, f.remark.id)
		}
		if got := strings.Join(slices.Compact(ids), " "); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %s, want %s", prose, got, want)
		}
	}
}

func TestWordsAreHeldToTheirCondition(t *testing.T) {
	for _, of := range []struct{ condition, right, wrong string }{
		{"server receives altered", "The server receives the record", "The client receives the record"},
		{"server receives altered", "o servidor recebe o registro", "o cliente recebe o registro"},
		{"noticed is server", "It is the server who is the first to notice", "It is the server who is the second to notice"},
		{"nobody notices", "nobody notices", "the client notices"},
		{"client alerts nothing", "the client sends no alert", "the client sends an alert"},
		{"client alerts nothing", "o cliente não envia nada de alerta", "o cliente envia um alerta"},
		{"server certificate_verify position is less than server finished position", "CertificateVerify comes before Finished", "CertificateVerify comes after Finished"},
		{"server certificate_verify position is less than server finished position", "CertificateVerify comes before Finished", "Finished comes before CertificateVerify"},
		{"server certificate_verify position is less than server finished position", "the server's CertificateVerify comes before its Finished", "the client's CertificateVerify comes before its Finished"},
		{"server certificate_verify position plus 1 is server finished position", "o CertificateVerify vem logo antes do Finished", "o CertificateVerify vem logo depois do Finished"},
		{"offset of client client_hello random is less than offset of client client_hello cipher_suites", "cipher_suites stands in the ClientHello", "random_bytes stands in the ClientHello"},
		{"server sends server_hello certificate certificate_verify finished", "a Certificate, a CertificateVerify, and then its Finished", "a CertificateVerify, a Certificate, and then its Finished"},
		{"server sends server_hello certificate certificate_verify finished", "a Certificate, a CertificateVerify, and then its Finished", "a Certificate, a Certificate, and then its Finished"},
		{"server sends server_hello certificate certificate_verify finished", "the Finished comes after the Certificate", "the Finished comes before the Certificate"},
		{
			"client text 1 additional_data is client text 1 sequence then client text 1 type then client text 1 record.version then client text 1 record.length",
			"the sequence number, the type, the version, and the length", "the version, the sequence number, the type, and the length",
		},
		{"client client_hello supported_versions.version 1 is 0x0304", "the preferred one first", "the preferred one last"},
		{"client text 3 sequence is 1", "its third request", "its second request"},
		{"client client_hello epoch is clear", "the ClientHello is in clear", "the ClientHello is encrypted"},
		{"client client_hello epoch is \"clear\"", "o ClientHello vai em claro", "o ClientHello vai cifrado"},
		{"server certificate epoch is not clear", "the Certificate is encrypted", "the Certificate is in clear"},
		{"server certificate epoch is not clear", "the messages are encrypted", "the other messages are encrypted"},
		{"client certificate epoch is \"handshake\"", "o nome do cliente passou cifrado", "o nome do cliente passou em claro"},
		{"sent by client contains \"localhost\"", "the client sends it in clear", "the client sends it encrypted"},
		{"attacker reads \"my secret\"", "the attacker can read it: it is in clear", "the attacker can read it: it is encrypted"},
		{"attacker reads nothing", "the attacker reads nothing: it is encrypted", "the attacker reads nothing: it is in clear"},
		{"size of client text 2 is more than size of client text 1", "the second request is longer than the first", "the second request is shorter than the first"},
		{"client client_hello epoch is clear", "the ClientHello is in clear", "the ClientHello is encrypted"},
		{"client client_hello epoch is \"clear\"", "o ClientHello vai em claro", "o ClientHello vai cifrado"},
		{"server certificate epoch is not clear", "the Certificate is encrypted", "the Certificate is in clear"},
		{"server certificate epoch is not clear", "the messages are encrypted", "the other messages are encrypted"},
		{"client certificate epoch is \"handshake\"", "o nome do cliente passou cifrado", "o nome do cliente passou em claro"},
		{"sent by client contains \"localhost\"", "the client sends it in clear", "the client sends it encrypted"},
		{"attacker reads \"my secret\"", "the attacker can read it: it is in clear", "the attacker can read it: it is encrypted"},
		{"attacker reads nothing", "the attacker reads nothing: it is encrypted", "the attacker reads nothing: it is in clear"},
		{"size of client text 2 is more than size of client text 1", "the second request is longer than the first", "the first request is longer than the second"},
		{"size of client text 2 is size of client text 1", "as long: the same length", "another length"},
		{"client text 2 nonce is not client text 1 nonce", "the nonce is another", "the nonce is the same"},
		{"client text 2 nonce is not client text 1 nonce", "the nonce is not the same", "the nonce is the same"},
		{"count of client client_hello key_share.entries is 2", "there are two entries", "there are three entries"},
		{"size of answer is 2", "all lengths have two bytes", "all lengths have one byte"},
		{"lines of answer is 1", "it was carried out once", "it was carried out twice"},
		{"messages of client lacks certificate_verify", "there is no CertificateVerify", "there is a CertificateVerify"},
		{"messages of client lacks certificate_verify", "there is no CertificateVerify", "there is no Finished"},
		{"client text 2 verdict is \"not received\"", "the client has sent it, and the server has not received it", "the server has sent it, and the client has not received it"},
		{"client text 2 received is not client text 2", "the client sent another one", "the server sent another one"},
		{`last 1 of server unit answer 3 is first 1 of "é"`, "the last one is the first byte", "the last one is the third byte"},
		{"alert of client is bad_certificate", "the client sent bad_certificate", "the client sent unknown_ca"},
		{"client finished position is more than client client_hello position", "The client's Finished comes after the ClientHello", "The server's Finished comes after the ClientHello"},
		{"bit 2 of six plus bit 3 of six is 2", "the second and the third from the right", "the first and the third from the right"},
		{"bit 2 of six plus bit 3 of six is 2", "the second and the third from the right", "the second and the fourth from the right"},
		{"version is \"TLS 1.3\"", "it is TLS 1.3", "it is TLS 1.2"},
	} {
		evidence := evidenceOf(of.condition)
		refute := func(words string) *remark { return evidence.refute(hear(words, of.right[0] == 'o')) }
		if what := refute(of.right); what != nil {
			t.Errorf("%s: %q does not hold: %v", of.condition, of.right, what)
		}
		if refute(of.wrong) == nil {
			t.Errorf("%s: %q holds", of.condition, of.wrong)
		}
	}
}
