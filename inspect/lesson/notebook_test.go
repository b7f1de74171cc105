package lesson

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sittingOf is one at the last page of a lesson with two exercises, both of which were asked.
func sittingOf(t *testing.T) (s *Sitting, first, second *Attempt) {
	t.Helper()
	l, err := ParseLesson("01-two", "# Two\nminutes: 1\n\nWords.\n"+
		"```ask first\nWhich?\n= answer\n? Look at {{4 = answer}}, then {{answer}}.\n! So.\n```\n"+
		"## More\n\nWords.\n```ask second\nWhich?\n= answer\n? Look.\n? Again.\n! So.\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	all := l.Exercises()
	first, second = &Attempt{Exercise: all[0], Known: true}, &Attempt{Exercise: all[1], Page: 1, Known: true}
	return &Sitting{
		Lesson: l, at: 1, attempts: []*Attempt{first, second},
		stops: []*Stop{{Pages: 2, Question: &Question{Exercise: all[0]}}, {Page: 1, Pages: 2, Question: &Question{Exercise: all[1]}, Last: true}},
	}, first, second
}

func TestANotebookAddsUpWhatAStudentDoesInSeveralSittings(t *testing.T) {
	n := &Notebook{Path: filepath.Join(t.TempDir(), "deep", "lessons.toml")}
	note := func(s *Sitting) {
		t.Helper()
		if err := n.Note("01-two", s); err != nil {
			t.Fatal(err)
		}
	}
	s, first, _ := sittingOf(t)
	first.Given, first.Right, first.Hints = []string{"no", "yes"}, true, 1
	note(s)
	note(s) // what stands there already is not counted twice
	first.Given, first.Right = append(first.Given, "no"), false
	note(s)
	s, _, second := sittingOf(t) // the student comes again
	second.Given, second.Hints = []string{"no"}, 2
	s.at = 0
	note(s)

	got, err := n.Read()
	if err != nil {
		t.Fatal(err)
	}
	want := Progress{"01-two": {Page: 1, Exercise: "first", Done: true, Latest: true, Exercises: map[string]*Marks{
		"first": {Solved: true, Attempts: 3, Hints: 1}, "second": {Attempts: 1, Hints: 2},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got["01-two"].Solved(s.Lesson) != 1 || got["01-two"].Open(s.Lesson).Name != "first" { // it stands before the student once more
		t.Errorf("%d solved; open is %v", got["01-two"].Solved(s.Lesson), got["01-two"].Open(s.Lesson))
	}
	s, first, _ = sittingOf(t)
	s.at, first.Given, first.Right = 0, []string{"yes"}, true
	note(s)
	if got, err = n.Read(); err != nil || got["01-two"].Open(s.Lesson).Name != "second" {
		t.Errorf("once it is solved, open is %v, %v", got["01-two"].Open(s.Lesson), err)
	}
	info, err := os.Stat(n.Path)
	if err != nil || info.Mode().Perm() != 0o600 && os.PathSeparator == '/' {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestADamagedNotebookIsLeftAloneUntilItIsSetAside(t *testing.T) {
	s, _, _ := sittingOf(t)
	for _, text := range []string{"[01-two", "x = 3\n", "[01-two]\npage = \"one\"\n", "\x00\xff", "[01-two.exercises]\nfirst = 7\n", "a folder"} {
		n := &Notebook{Path: filepath.Join(t.TempDir(), "lessons.toml")}
		var err error
		if text == "a folder" {
			err = os.MkdirAll(filepath.Join(n.Path, "in it"), 0o700)
		} else {
			err = os.WriteFile(n.Path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		var damaged *NotebookError
		if _, err := n.Read(); !errors.As(err, &damaged) {
			t.Errorf("%q: %v", text, err)
		}
		if err := n.Note("01-two", s); !errors.As(err, &damaged) {
			t.Errorf("%q: a note: %v", text, err)
		}
		if err := n.Forget(); !errors.As(err, &damaged) {
			t.Errorf("%q: forget: %v", text, err)
		}
		if err := os.WriteFile(n.Path+".damaged", nil, 0o600); err != nil { // an earlier one
			t.Fatal(err)
		}
		aside, err := n.SetAside()
		if err != nil || aside != n.Path+".damaged-2" {
			t.Errorf("%q was set aside as %s: %v", text, aside, err)
		}
		if now, err := os.ReadFile(aside); text != "a folder" && (string(now) != text || err != nil) {
			t.Errorf("%q became %q, %v", text, now, err)
		}
		if err := n.Note("01-two", s); err != nil {
			t.Errorf("%q: then: %v", text, err)
		}
	}
}

func TestNumbersOfANotebookThatCannotBeAreBounded(t *testing.T) {
	s, first, _ := sittingOf(t)
	n := &Notebook{Path: filepath.Join(t.TempDir(), "lessons.toml")}
	if err := os.WriteFile(n.Path, []byte("[01-two]\npage = -3\n[01-two.exercises.first]\nhints = -5\nattempts = -9223372036854775808\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	progress, err := n.Read()
	if err != nil {
		t.Fatal(err)
	}
	if got := progress["01-two"]; got.Page != 1 || got.Marks(first.Exercise) != (Marks{}) || got.Open(s.Lesson) != first.Exercise {
		t.Errorf("%+v, %+v", got, got.Marks(first.Exercise))
	}
}

func TestSeveralProgramsAtOnceLoseNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lessons.toml")
	const programs, notes = 8, 20
	var all sync.WaitGroup
	for i := range programs {
		all.Go(func() {
			n := &Notebook{Path: path}
			mine, first, _ := sittingOf(t)
			ours, second, _ := sittingOf(t)
			for range notes {
				first.Given, second.Given = append(first.Given, "no"), append(second.Given, "no")
				if err := errors.Join(n.Note(fmt.Sprint("lesson-", i), mine), n.Note("of-all", ours)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	progress, err := (&Notebook{Path: path}).Read()
	if err != nil || len(progress) != programs+1 {
		t.Fatal(progress, err)
	}
	for name, standing := range progress {
		want := notes
		if name == "of-all" {
			want *= programs
		}
		if got := standing.Exercises["first"].Attempts; got != want {
			t.Errorf("%s: %d answers stand there of %d", name, got, want)
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if len(left) != 1 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestALockThatWasLeftBehindIsPassedOver(t *testing.T) {
	n := &Notebook{Path: filepath.Join(t.TempDir(), "lessons.toml")}
	long := time.Now().Add(-time.Hour)
	if err := errors.Join(os.WriteFile(n.Path+".lock", nil, 0o600), os.Chtimes(n.Path+".lock", long, long)); err != nil {
		t.Fatal(err)
	}
	s, _, _ := sittingOf(t)
	if err := n.Note("01-two", s); err != nil {
		t.Error(err)
	}
}

func TestANotebookForgetsOneLessonOrAll(t *testing.T) {
	n := &Notebook{Path: filepath.Join(t.TempDir(), "lessons.toml")}
	s, _, _ := sittingOf(t)
	for _, name := range []string{"a", "/home/ana/b.md", "c"} {
		if err := n.Note(name, s); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		names []string
		left  int
	}{{[]string{"/home/ana/b.md"}, 2}, {[]string{"nonesuch"}, 2}, {nil, 0}} {
		if err := n.Forget(step.names...); err != nil {
			t.Fatal(err)
		}
		if progress, err := n.Read(); err != nil || len(progress) != step.left {
			t.Errorf("without %q: %v, %v", step.names, progress, err)
		}
	}
}

func TestTheZeroNotebookKeepsNothing(t *testing.T) {
	var n Notebook
	s, _, _ := sittingOf(t)
	if err := n.Note("a", s); err != nil {
		t.Error(err)
	}
	if progress, err := n.Read(); err != nil || len(progress) != 0 {
		t.Error(progress, err)
	}
}

func TestHintsBeginWithTheFirstWhenALessonIsBegunAnew(t *testing.T) {
	n := &Notebook{Path: filepath.Join(t.TempDir(), "lessons.toml")}
	l := readLesson(t, "# A\nminutes: 5\n\nWords.\n\n"+ask("= answer")+"\n## B\n\nWords.\n")
	hints := func(s *Sitting) int {
		t.Helper()
		if err := n.Note("a", s); err != nil {
			t.Fatal(err)
		}
		p, err := n.Read()
		if err != nil {
			t.Fatal(err)
		}
		return p["a"].Marks(l.Exercises()[0]).Hints
	}
	begin := func() *Sitting {
		s := new(Course).Begin(t.Context(), l)
		t.Cleanup(s.Close)
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := begin()
	if _, err := s.Hint(); err != nil {
		t.Fatal(err)
	}
	if got := hints(s); got != 1 {
		t.Errorf("%d hints were taken, want 1", got)
	}
	if err := n.Hinted("a", l.Exercises()[0], 2); err != nil { // from another terminal
		t.Fatal(err)
	}
	if got := hints(s); got != 2 {
		t.Errorf("%d hints were taken while the lesson goes on, want 2", got)
	}
	if s.Next(); hints(s) != 2 {
		t.Errorf("%d hints on the next page, want 2", hints(s))
	}
	if later := begin(); hints(later) != 0 {
		t.Errorf("%d hints when the lesson is begun anew, want none", hints(later))
	}
}

func TestAHintWithoutASessionLeavesOutWhatOnlyTheSessionKnows(t *testing.T) {
	_, first, _ := sittingOf(t)
	if got := (Block{Spans: first.Exercise.Hint(0)}).Text(); got != "Look at 4, then …." {
		t.Errorf("%q", got)
	}
}

func FuzzNotebook(f *testing.F) {
	f.Add("[01-two]\npage = 2\ndone = true\n[01-two.exercises.first]\nsolved = true\n")
	f.Add("[01-two]\npage = -2\n[x]\n[\"/a b\"]\n")
	f.Add("x = 1")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLesson("x", "# Two\n\nWords.\n```ask first\nWhich?\n= answer\n? Look.\n! So.\n```\n")
		if err != nil {
			t.Fatal(err)
		}
		n := &Notebook{Path: filepath.Join(t.TempDir(), "lessons.toml")}
		if err := os.WriteFile(n.Path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		progress, err := n.Read()
		for _, standing := range progress {
			standing.Open(l)
			standing.Solved(l)
		}
		if forgot := n.Forget("x"); (forgot == nil) != (err == nil) {
			t.Errorf("read: %v; forget: %v", err, forgot)
		}
	})
}
