package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/tui/term"
	tea "github.com/charmbracelet/bubbletea"
	xterm "golang.org/x/term"
)

// Options say what the screen shows and how. The zero value of every field but one works: there must be a Stage, or a
// Recording to watch.
type Options struct {
	// Stage is opened at once, and again at each restart; commands are typed into it.
	Stage inspect.Stage
	// Recording is watched as it grows, if there is no Stage. Nothing can be typed then.
	Recording *inspect.Recording
	// Reading reads the Recording from a file while the screen is there; nil if that is done, or the recording grows by itself.
	Reading Reading
	// Gate holds what crosses the Recording's connections; nil if nothing does. The screen opens at the wire then.
	Gate *inspect.Stepper
	// End ends the Recording's connections, and whatever is held there. It is called once the screen has been left.
	End func()
	// News are sentences, safe to draw, of what happens that the Recording does not show. The latest stands where the screen says things
	// until the next key.
	News <-chan string
	// NewTap makes the tap of each new session of the stage; done is called once the session has been left and its tap
	// closed. The screen gives the tap its gate, an [inspect.Stepper] that holds each unit, or lets it through by itself
	// until it is told to hold; a tap that is not held keeps the gate it has, and a Stepper is taken as it is. nil means
	// [inspect.NewTap].
	NewTap func(held bool) (tap *inspect.Tap, done func())
	// Held begins with a session that waits for each step.
	Held bool

	// Scene plays a scene on a channel, "" for the one that suits it best, before an audience that is the screen. nil if
	// there are no scenes. Told says in a sentence of a language what came of one.
	Scene  func(ctx context.Context, name, channel string, a Audience) (*lesson.Result, error)
	Told   func(r *lesson.Result, lang string) string
	Scenes []string // their names
	Play   string   // a scene, and perhaps a channel, to begin with, as in "flip tls13"

	// Lessons are those that can be gone through, beside the session that they play. Lesson is one to begin with, by name.
	Lessons Lessons
	Lesson  string

	// Compare shows the comparison that :compare asks for, in a language, until it is left; nil if there is none. It has the
	// terminal to itself; the session goes on meanwhile.
	Compare func(ctx context.Context, lang string, in io.Reader, out io.Writer) error

	// Save keeps what a session has come to in a new file, which :save names, with or without the secrets. It returns a
	// sentence of a language, or an error that is one; nil if there is no such file.
	Save func(recording *inspect.Recording, name string, noSecrets bool, lang string) (said string, err error)

	Title string   // of the window and the screen; "" means tlslab
	Label string   // a line that stands on top all the time: what everyone who sees the session must know
	Lang  string   // as [docs.For] reads it
	Theme string   // dark, light or neutral; "" looks at the environment
	ASCII bool     // no signs but ASCII
	Speed float64  // of playing, in steps a second: 0.5, 1, 2 or 4; 0 means 1
	Hints []string // commands that the prompt suggests, the best first

	// Waiting says, a line each, how to make something happen. It stands where the records will, while nothing has, and
	// is made safe to draw.
	Waiting []string

	In  io.Reader // nil means standard input
	Out io.Writer // nil means standard output
}

// Run shows the screen until the user leaves it or ctx is done. It closes what it opened and returns when nothing of
// it is left; the terminal is as it was, and below it stands what waited on the wire and was never delivered, and who had
// waited in vain. The error is ctx's, or says that the terminal or the program failed.
func Run(ctx context.Context, o Options) error {
	if o.Stage == nil && o.Recording == nil {
		return errors.New("tui: neither a stage to open nor a recording to watch")
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	live := newLive(ctx)
	m := newModel(o, live)
	// Bubble Tea's own handling of signals and contexts can wait for itself for ever when both come at once: the
	// caller's context is the one way in.
	options := []tea.ProgramOption{tea.WithoutSignalHandler(), tea.WithAltScreen(), tea.WithOutput(o.Out)}
	if o.In != nil {
		options = append(options, tea.WithInput(o.In))
	}
	program := tea.NewProgram(m, options...)
	stop := context.AfterFunc(ctx, program.Quit)
	_, err := program.Run()
	live.end()
	if o.End != nil {
		o.End()
	}
	for _, line := range m.lastWords() {
		fmt.Fprintln(o.Out, line)
	}
	if !stop() && err == nil {
		return context.Cause(ctx)
	}
	return err
}

// stopped reports which units of the recording were held; nil if none can be.
func (o *Options) stopped() func(id int) bool {
	if o.Gate == nil {
		return nil
	}
	return o.Gate.Stopped
}

// few events of a recording are laid out before the first frame; more of them are read while the screen is there.
const few = 5_000

// newModel returns the screen as it stands before anything happened.
func newModel(o Options, live *live) *model {
	theme, named := term.ParseTheme(o.Theme)
	if !named {
		theme = term.FromEnvironment(os.Getenv)
	}
	m := &model{
		o: o, live: live, keys: keyMap(),
		w: 80, h: 24, speed: speedOf(o.Speed),
	}
	m.look(theme, docs.For(o.Lang))
	m.time = newTimeline(new(inspect.Recording), nil)
	if o.Gate != nil {
		m.stepper, m.mode, m.list = o.Gate, onWire, onWire
	}
	m.reading = o.Stage == nil && o.Reading != nil
	if o.Stage == nil && (m.reading || o.Recording.Len() <= few) {
		m.time = newTimeline(o.Recording, o.stopped())
		m.last()
	} else {
		m.opening = true
	}
	if out, ok := o.Out.(*os.File); ok { // Bubble Tea draws the first frame before it says how large the terminal is
		if w, h, err := xterm.GetSize(int(out.Fd())); err == nil {
			m.resize(w, h)
		}
	}
	return m
}
