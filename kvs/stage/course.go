package stage

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// The names of the stages, and of what some of them can be told.
const (
	NameUpper = "upper"
	NameKV    = "kv"
)

// Options are what the stages of the course can be told; each takes its own.
// The zero value is each as it was.
type Options struct {
	Lang string // of what the endpoints say: "en" or "pt-BR"
}

// An Entry is a stage of the course, ready to be played in memory.
type Entry struct {
	inspect.Stage
	Name         string
	Conversation []string // its own short one, whose commands a prompt can suggest
}

// The course, in the order in which it is learned.
var course = []struct {
	name  string
	takes []string // names of options: the fields of Options, as flags have them
	enter func(Options) (Entry, error)
}{
	{NameUpper, nil, enterUpper},
	{NameKV, nil, enterKV},
}

// Names returns the names of the stages, in the order of the course.
func Names() (names []string) {
	for _, s := range course {
		names = append(names, s.name)
	}
	return names
}

// Taking returns the names of the stages that take an option, by its name:
// a field of [Options] as a flag has it, in lower case.
func Taking(option string) (names []string) {
	for _, s := range course {
		if slices.Contains(s.takes, option) {
			names = append(names, s.name)
		}
	}
	return names
}

// ErrNoStage says that there is no stage of a name.
var ErrNoStage = errors.New("there is no such stage")

// New makes a stage of the course. Options that it does not take are passed over.
func New(name string, o Options) (Entry, error) {
	for _, s := range course {
		if s.name == name {
			entry, err := s.enter(o)
			entry.Name = name
			return entry, err
		}
	}
	return Entry{}, fmt.Errorf("%w as %q; there are %s", ErrNoStage, name, strings.Join(Names(), ", "))
}

func enterUpper(o Options) (Entry, error) {
	return Entry{Stage: &Upper{Lang: o.Lang}, Conversation: UpperHints}, nil
}

func enterKV(o Options) (Entry, error) {
	return Entry{Stage: &KV{Lang: o.Lang}, Conversation: []string{"create nome ana", "read nome", "update nome maria", "show", "exit"}}, nil
}
