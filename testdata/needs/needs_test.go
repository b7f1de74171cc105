package needs

import "testing"

// outcome stands in for the test that asks: it notes how it would have ended.
type outcome struct {
	testing.TB
	skipped, failed bool
}

func (o *outcome) Helper()               {}
func (o *outcome) Skipf(string, ...any)  { o.skipped = true }
func (o *outcome) Fatalf(string, ...any) { o.failed = true; panic(o) }

func ask(name string) (path string, o *outcome) {
	o = &outcome{}
	defer func() { _ = recover() }()
	path = Program(o, name)
	return path, o
}

func TestAProgramThatIsThereIsFound(t *testing.T) {
	t.Setenv(Required, "1")
	if path, o := ask("go"); path == "" || o.skipped || o.failed {
		t.Errorf("go: got %q, %+v", path, o)
	}
}

func TestAMissingProgramSkipsTheTest(t *testing.T) {
	t.Setenv(Required, "")
	if _, o := ask("no-such-program"); !o.skipped || o.failed {
		t.Errorf("got %+v", o)
	}
}

func TestAMissingProgramFailsTheTestWhereProgramsAreRequired(t *testing.T) {
	t.Setenv(Required, "1")
	if _, o := ask("no-such-program"); o.skipped || !o.failed {
		t.Errorf("got %+v", o)
	}
}

func TestWhatTakesLongIsSkippedButWhereProgramsAreRequired(t *testing.T) {
	for required, skipped := range map[string]bool{"": true, "1": false} {
		t.Setenv(Required, required)
		o := &outcome{}
		if Time(o, "another is like it"); o.skipped != skipped || o.failed {
			t.Errorf("%q: got %+v", required, o)
		}
	}
}
