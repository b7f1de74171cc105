package tui

import (
	"slices"
	"testing"
)

func TestAFormulaBreaksBehindItsPoints(t *testing.T) {
	got := wrapFormula("= HMAC(finished_key, Transcript-Hash(ClientHello...CertificateVerify))", 58)
	if want := []string{"= HMAC(finished_key, Transcript-Hash(ClientHello...", "CertificateVerify))"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := wrapFormula("= a", 0); got != nil {
		t.Errorf("without room: %q", got)
	}
}
