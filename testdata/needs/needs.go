// Package needs finds the outside programs that some tests talk to: openssl, tshark, curl and others.
//
// Where a program is missing, the test that wants it is skipped and says why, so that go test passes on a machine with
// nothing but Go. Where TLSLAB_REQUIRE_PROGRAMS is set (to anything), as .ci/run sets it, the test fails instead: a check
// that never ran must not look like one that passed.
//
// It stands under testdata because it belongs to no room of the house and is not for users: ./... does not see it, tests
// of every package may import it.
package needs

import (
	"os"
	"os/exec"
	"testing"
)

// Required is the environment variable that turns a missing program from a skipped test into a failed one.
const Required = "TLSLAB_REQUIRE_PROGRAMS"

// Program returns the path of an outside program. Without the program the test ends here: skipped, or failed where
// [Required] is set.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv(Required) != "" {
		t.Fatalf("%s is missing and %s is set: install it, or unset the variable (%v)", name, Required, err)
	}
	t.Skipf("%s is missing: install it to run this test (%v)", name, err)
	return ""
}

// Time skips a test that takes long and differs little from one that is run; what says from which. Where [Required] is set
// it is run.
func Time(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(Required) == "" {
		t.Skipf("%s; set %s to run this too", what, Required)
	}
}
