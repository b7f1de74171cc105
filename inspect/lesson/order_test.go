package lesson

import "testing"

func TestMessagesAreNamedInTheOrderInWhichTheyAreSent(t *testing.T) {
	for prose, wrong := range map[string]int{
		"A Certificate, a CertificateVerify, and then its Finished.":   0,
		"A CertificateVerify, a Certificate, and then its Finished.":   1,
		"The CertificateVerify comes just before the Finished.":        0,
		"The CertificateVerify comes just after the Finished.":         1,
		"The Finished comes after the CertificateVerify.":              0,
		"Before the Finished comes the CertificateVerify.":             0,
		"The Finished. The CertificateVerify.":                         0,
		"O Finished vem depois do CertificateVerify.":                  0,
		"O Certificate vem depois do CertificateVerify.":               1,
		"The Finished, and the Finished.":                              0,
		"The NewSessionTicket, and then the Finished.":                 1, // by the list
		"The Finished, and then the client's Certificate.":             1,
		"The ServerHello answers the ClientHello.":                     1, // none but the standard
		"The HelloRetryRequest, and then the ServerHello, as it were.": 0,
	} {
		l := readLesson(t, "# Title\nminutes: 5\n\n"+prose+"\n\n```script\nexpect server sends server_hello certificate certificate_verify finished new_session_ticket\n```\n")
		if got := l.disordered(); len(got) != wrong {
			t.Errorf("%s: %+v", prose, got)
		}
	}
	both := readLesson(t, "# Title\nminutes: 5\n\nIts Finished, and the client's Certificate.\n\n```script\nexpect covers of proof certificate_verify of client is \"client_hello, certificate, finished, certificate\"\n```\n")
	if got := both.disordered(); len(got) != 0 {
		t.Errorf("one that is sent by both: %+v", got)
	}
}
