package docs

import "testing"

func TestAPlaceInAStandardIsWrittenAsInTheLessonsOfTheLanguage(t *testing.T) {
	for _, c := range []struct{ rfc, en, pt string }{
		{"RFC 8446 section 4.1.2", "RFC 8446 section 4.1.2", "RFC 8446, seção 4.1.2"},
		{"RFC 8017 appendix A.1.1", "RFC 8017 appendix A.1.1", "RFC 8017, apêndice A.1.1"},
		{"ITU-T X.690 section 8.1.2", "ITU-T X.690 section 8.1.2", "ITU-T X.690, seção 8.1.2"},
		{
			"RFC 8446 section 5.1, RFC 5246 section 6.2.1",
			"RFC 8446 section 5.1; RFC 5246 section 6.2.1", "RFC 8446, seção 5.1; RFC 5246, seção 6.2.1",
		},
		{"RFC 8259", "RFC 8259", "RFC 8259"},
		{"draft-ietf-tls-tlsflags", "draft-ietf-tls-tlsflags", "draft-ietf-tls-tlsflags"},
		{"", "", ""},
	} {
		if got := For(English).Citation(c.rfc); got != c.en {
			t.Errorf("%q in English: %q", c.rfc, got)
		}
		if got := For(Portuguese).Citation(c.rfc); got != c.pt {
			t.Errorf("%q in Portuguese: %q", c.rfc, got)
		}
	}
}
