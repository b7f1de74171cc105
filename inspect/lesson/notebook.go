package lesson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/BurntSushi/toml"
)

// A Notebook is the file in which it stands how far a student has come. It is
// read anew for each note, so that several programs can use it at once; of two
// notes of the same moment one may be lost, until its program makes the next.
//
// The zero value keeps nothing. A Notebook may be used concurrently.
type Notebook struct {
	Path string // of a TOML file, which is made with the first note
}

// Progress is how far a student has come, by lesson.
type Progress map[string]*Standing

// A Standing is how far a student has come in a lesson.
type Standing struct {
	Page      int               `toml:"page"`               // where the student is, from 1
	Exercise  string            `toml:"exercise,omitempty"` // that is asked there
	Done      bool              `toml:"done"`               // the student has been at the end
	Exercises map[string]*Marks `toml:"exercises,omitempty"`
}

// Marks are what a student made of an exercise.
type Marks struct {
	Solved   bool `toml:"solved"`
	Attempts int  `toml:"attempts"` // answers that were given, in all
	Hints    int  `toml:"hints"`    // that were taken
}

// Solved counts the exercises of the lesson that are solved.
func (s *Standing) Solved(l *Lesson) (n int) {
	for _, e := range l.Exercises() {
		if s.Marks(e).Solved {
			n++
		}
	}
	return n
}

// Marks returns what was made of an exercise: nothing, if there is no note of it.
func (s *Standing) Marks(e *Exercise) Marks {
	if s != nil && s.Exercises[e.Name] != nil {
		return *s.Exercises[e.Name]
	}
	return Marks{}
}

// Open returns an exercise of the lesson that is not solved: the one that is
// asked where the student is, otherwise the next from there on; nil if there is
// none.
func (s *Standing) Open(l *Lesson) (next *Exercise) {
	page := min(max(s.Page, 1), len(l.Pages)) - 1
	for _, e := range l.Exercises() {
		switch {
		case s.Marks(e).Solved:
		case e.Name == s.Exercise:
			return e
		case next == nil && e.Line >= l.Pages[page].Line:
			next = e
		}
	}
	return next
}

// A NotebookError says that a notebook cannot be read: it was damaged, and is
// left as it is.
type NotebookError struct {
	Path string
	Err  error
}

func (e *NotebookError) Error() string { return fmt.Sprintf("%s: %v", e.Path, e.Err) }

func (e *NotebookError) Unwrap() error { return e.Err }

// maxNotebook bounds the file, in bytes.
const maxNotebook = 1 << 20

// Read returns what stands in the notebook: nothing, if there is no file. If it
// is damaged the error is a *[NotebookError].
func (n *Notebook) Read() (Progress, error) {
	p, _, err := n.read()
	return p, err
}

// New reports whether no student has made a note yet.
func (n *Notebook) New() bool {
	_, err := os.Stat(n.Path)
	return errors.Is(err, fs.ErrNotExist)
}

func (n *Notebook) read() (p Progress, text []byte, err error) {
	p = make(Progress)
	if n.Path == "" {
		return p, nil, nil
	}
	f, err := os.Open(n.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if text, err = io.ReadAll(io.LimitReader(f, maxNotebook+1)); err != nil {
		return nil, nil, err
	}
	if len(text) > maxNotebook {
		return nil, nil, &NotebookError{n.Path, fmt.Errorf("it has more than %d bytes", maxNotebook)}
	}
	if _, err = toml.Decode(string(text), &p); err != nil {
		return nil, nil, &NotebookError{n.Path, err}
	}
	return p, text, nil
}

// Note takes down where the student is, and what came of the exercises. The
// lesson stands under the name in the notebook.
func (n *Notebook) Note(name string, s *Sitting) error {
	if s.at < 0 {
		return nil
	}
	stop := s.stops[s.at]
	return n.change(func(p Progress) {
		standing := p[name]
		if standing == nil {
			standing = new(Standing)
			p[name] = standing
		}
		standing.Page, standing.Exercise, standing.Done = stop.Page+1, "", standing.Done || stop.Last
		if stop.Question != nil {
			standing.Exercise = stop.Question.Name
		}
		for _, attempt := range s.attempts {
			standing.mark(attempt)
		}
	}, func() {
		for _, attempt := range s.attempts {
			attempt.noted = len(attempt.Given)
		}
	})
}

// mark adds to the marks what is new.
func (s *Standing) mark(a *Attempt) {
	if len(a.Given) == 0 && a.Hints == 0 {
		return
	}
	marks := s.Marks(a.Exercise)
	marks.Solved = marks.Solved || a.Known && a.Right
	marks.Attempts += len(a.Given) - a.noted
	marks.Hints = max(marks.Hints, a.Hints)
	if s.Exercises == nil {
		s.Exercises = make(map[string]*Marks)
	}
	s.Exercises[a.Name] = &marks
}

// Hinted takes down that so many hints for an exercise of the lesson were taken.
func (n *Notebook) Hinted(name string, e *Exercise, hints int) error {
	return n.change(func(p Progress) {
		if p[name] == nil {
			p[name] = &Standing{Page: 1}
		}
		p[name].mark(&Attempt{Exercise: e, Hints: hints})
	}, func() {})
}

// Forget takes out what stands in the notebook of the lessons of these names;
// without a name, of all.
func (n *Notebook) Forget(names ...string) error {
	return n.change(func(p Progress) {
		if len(names) == 0 {
			clear(p)
		}
		for _, name := range names {
			delete(p, name)
		}
	}, func() {})
}

// change reads the notebook, changes what stands there, and writes it. If
// another program wrote meanwhile, that begins anew.
func (n *Notebook) change(change func(Progress), done func()) error {
	if n.Path == "" {
		return nil
	}
	const tries = 5
	for try := 1; ; try++ {
		p, before, err := n.read()
		if err != nil {
			return err
		}
		change(p)
		var after bytes.Buffer
		after.WriteString("# How far you have come in the lessons of tlslab; \"tlslab lesson reset\" takes it away.\n\n")
		encoder := toml.NewEncoder(&after)
		encoder.Indent = ""
		if err := encoder.Encode(p); err != nil {
			return err
		}
		written, err := n.write(before, after.Bytes(), try == tries)
		if err != nil || written {
			done()
			return err
		}
	}
}

// write puts the text into the file, all at once, unless it holds something else
// than before; if it must, then too.
func (n *Notebook) write(before, text []byte, must bool) (written bool, err error) {
	dir := filepath.Dir(n.Path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	f, err := os.CreateTemp(dir, ".lessons-*") // mode 0600
	if err != nil {
		return false, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return false, err
	}
	if now, err := os.ReadFile(n.Path); !must && !bytes.Equal(now, before) && (err == nil || before != nil) {
		return false, nil
	}
	return true, os.Rename(f.Name(), n.Path)
}
