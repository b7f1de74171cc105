package lesson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/BurntSushi/toml"
)

// A Notebook is the file in which it stands how far a student has come. It is
// read anew for each note, and several programs can use it at once: while one
// changes it, a file beside it, whose name ends in .lock, keeps the others waiting.
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
	Exercise  string            `toml:"exercise,omitempty"` // that is open there
	Done      bool              `toml:"done"`               // the student has been at the end
	Latest    bool              `toml:"latest,omitempty"`   // the student was in this lesson last
	Exercises map[string]*Marks `toml:"exercises,omitempty"`
}

// Marks are what a student made of an exercise.
type Marks struct {
	Solved   bool `toml:"solved"`
	Attempts int  `toml:"attempts"` // answers that were given, in all
	Hints    int  `toml:"hints"`    // that were taken since the lesson was begun
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

// Open returns the exercise that is open where the student is, also if it was
// solved in an earlier sitting; otherwise the next from there on that is not
// solved; nil if there is none.
func (s *Standing) Open(l *Lesson) (next *Exercise) {
	page := min(max(s.Page, 1), len(l.Pages)) - 1
	for _, e := range l.Exercises() {
		switch {
		case e.Name == s.Exercise:
			return e
		case next == nil && !s.Marks(e).Solved && e.Line >= l.Pages[page].Line:
			next = e
		}
	}
	return next
}

// A NotebookError says that a notebook cannot be read: it was damaged, or is no
// file, and is left as it is. [Notebook.SetAside] makes room for another.
type NotebookError struct {
	Path string
	Err  error
}

func (e *NotebookError) Error() string { return fmt.Sprintf("%s: %v", e.Path, e.Err) }

func (e *NotebookError) Unwrap() error { return e.Err }

// maxNotebook bounds the file, in bytes.
const maxNotebook = 1 << 20

// Read returns what stands in the notebook: nothing, if there is no file. If it
// cannot be read the error is a *[NotebookError].
func (n *Notebook) Read() (Progress, error) {
	p := make(Progress)
	if n.Path == "" {
		return p, nil
	}
	text, err := n.text()
	if err == nil {
		_, err = toml.Decode(text, &p)
	}
	if err != nil {
		return nil, &NotebookError{n.Path, err}
	}
	p.bound()
	return p, nil
}

// text reads the file: "" if there is none.
func (n *Notebook) text() (string, error) {
	info, err := os.Stat(n.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case !info.Mode().IsRegular(): // reading it may never come to an end
		return "", errors.New("it is no file")
	case info.Size() > maxNotebook:
		return "", fmt.Errorf("it has more than %d bytes", maxNotebook)
	}
	f, err := os.Open(n.Path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxNotebook))
	return string(text), err
}

// bound lifts numbers that cannot be: whoever has a file may write into it.
func (p Progress) bound() {
	for _, standing := range p {
		standing.Page = max(standing.Page, 1)
		for _, marks := range standing.Exercises {
			marks.Attempts, marks.Hints = max(marks.Attempts, 0), max(marks.Hints, 0)
		}
	}
}

// New reports whether no student has made a note yet.
func (n *Notebook) New() bool {
	_, err := os.Stat(n.Path)
	return errors.Is(err, fs.ErrNotExist)
}

// Note takes down where the student is, and what came of the exercises. The
// lesson stands under the name in the notebook. The first note of a sitting, at its
// first stop, begins the lesson anew: of the hints that were taken before, none counts.
func (n *Notebook) Note(name string, s *Sitting) error {
	if s.at < 0 {
		return nil
	}
	stop := s.stops[s.at]
	anew := len(s.stops) == 1 && !s.noted
	return n.change(func(p Progress) {
		standing := p[name]
		if standing == nil {
			standing = new(Standing)
			p[name] = standing
		}
		for _, other := range p {
			other.Latest = false
		}
		if anew { // its hints begin with the first again
			for _, marks := range standing.Exercises {
				marks.Hints = 0
			}
		}
		standing.Page, standing.Exercise, standing.Done, standing.Latest = stop.Page+1, "", standing.Done || stop.Last, true
		for _, attempt := range s.attempts {
			if stop.Question != nil && attempt.Exercise == stop.Question.Exercise && !attempt.Right {
				standing.Exercise = stop.Question.Name
			}
		}
		for _, attempt := range s.attempts {
			standing.mark(attempt)
		}
	}, func() {
		s.noted = true
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

// SetAside gives the file another name, under which nothing stood, and returns
// it; "" if there is no file.
func (n *Notebook) SetAside() (name string, err error) {
	if n.Path == "" || n.New() {
		return "", nil
	}
	for i := 1; ; i++ {
		name = n.Path + ".damaged"
		if i > 1 {
			name += fmt.Sprintf("-%d", i)
		}
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return name, os.Rename(n.Path, name)
		} else if err != nil {
			return "", err
		}
	}
}

// change reads the notebook, changes what stands there, and writes it, all at
// once.
func (n *Notebook) change(change func(Progress), done func()) error {
	if n.Path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(n.Path), 0o700); err != nil {
		return err
	}
	unlock, err := n.lock()
	if err != nil {
		return err
	}
	defer unlock()
	p, err := n.Read()
	if err != nil {
		return err
	}
	change(p)
	var text bytes.Buffer
	text.WriteString("# How far you have come in the lessons of tlslab; \"tlslab lesson reset\" takes it away.\n\n")
	encoder := toml.NewEncoder(&text)
	encoder.Indent = ""
	if err := encoder.Encode(p); err != nil {
		return err
	}
	if err := n.write(text.Bytes()); err != nil {
		return err
	}
	done()
	return nil
}

// A note takes milliseconds: a lock that is older was left behind by a program
// that was killed.
const oldLock = 10 * time.Second

// lock waits until nobody else changes the notebook.
func (n *Notebook) lock() (unlock func(), err error) {
	name := n.Path + ".lock"
	for end := time.Now().Add(2 * oldLock); ; time.Sleep(time.Millisecond) {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			f.Close()
			return func() { os.Remove(name) }, nil
		}
		info, odd := os.Stat(name)
		switch {
		case !errors.Is(err, fs.ErrExist) && odd != nil || time.Now().After(end):
			return nil, err
		case odd == nil && time.Since(info.ModTime()) > oldLock:
			os.Remove(name)
		}
	}
}

// write puts the text into the file, all at once.
func (n *Notebook) write(text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(n.Path), ".lessons-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), n.Path)
}
