package tui

import (
	"context"
	"maps"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	tea "github.com/charmbracelet/bubbletea"
)

// An Audience follows a scene while it is played. Both functions may wait, until the scene's context is done.
type Audience struct {
	Begins func(s *lesson.Scene, channel string, r *inspect.Recording) // before the first step
	Pace   func(ctx context.Context, m lesson.Moment) error            // see [lesson.Runner]
}

// scene is what is played in the session's place, or was.
type scene struct {
	name, channel string
	news          chan tea.Msg  // from where it is played
	waits         []paused      // for the user to go on: an attack in two directions, or on two connections, can wait in each
	moment        lesson.Moment // the first of them, or the latest
	paused        map[int]bool  // units that waited for the user
	result        *lesson.Result
	failed        bool
}

// running reports whether a scene is being played.
func (s *scene) running() bool { return s != nil && s.result == nil && !s.failed }

// wait takes in that the scene waits for the user once more.
func (s *scene) wait(p paused) {
	s.waits = append(s.waits, p)
	s.moment = s.waits[0].moment
	if id := p.moment.Unit; id >= 0 {
		s.paused[id] = true
	}
}

// goOn lets the scene go on where it waits for the user first.
func (s *scene) goOn() {
	if len(s.waits) == 0 {
		return
	}
	close(s.waits[0].on)
	if s.waits = s.waits[1:]; len(s.waits) > 0 {
		s.moment = s.waits[0].moment
	}
}

// holds reports whether the unit waits for the user, itself or behind one that does.
func (s *scene) holds(u *unit, of *wire) bool {
	return s != nil && slices.ContainsFunc(s.waits, func(p paused) bool {
		i, ok := of.place[p.moment.Unit]
		return ok && !u.injected && u.conn == of.units[i].conn && u.from == of.units[i].from && u.event >= p.moment.Unit
	})
}

// The news of a scene.
type (
	// staged says that it begins.
	staged struct {
		name, channel string
		time          *timeline
	}
	// paused says that it waits for the user.
	paused struct {
		moment lesson.Moment
		on     chan struct{} // closed when the user goes on
	}
	// played says what came of it, or why it could not be played.
	played struct {
		result *lesson.Result
		err    error
	}
	// news is any of them, or of those of a lesson, of a session.
	news struct {
		generation int
		tea.Msg
	}
)

// commandScene plays a scene in the session's place: NAME, or NAME CHANNEL.
func (m *model) commandScene(rest string) tea.Cmd {
	name, channel, _ := strings.Cut(rest, " ")
	switch {
	case m.o.Scene == nil:
		m.complain("wire_no_scenes")
		return nil
	case name == "":
		m.complain("wire_scene_what", "names", strings.Join(m.o.Scenes, ", "))
		return nil
	}
	m.forget()
	m.tell("wire_scene_plays", "name", inspect.Safe(name))
	s := &scene{name: name, news: make(chan tea.Msg), paused: make(map[int]bool)}
	m.scene = s
	return tea.Batch(m.live.scene(m.o, s, name, strings.TrimSpace(channel)), m.live.hear(s.news, m.generation))
}

// scene closes the session and plays a scene in its place.
func (l *live) scene(o Options, s *scene, name, channel string) tea.Cmd {
	l.stop()
	l.session, l.stop = context.WithCancel(l.ctx)
	ctx := l.session
	tell := func(ctx context.Context, msg tea.Msg) error {
		select {
		case s.news <- msg:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	audience := Audience{
		Begins: func(scene *lesson.Scene, channel string, r *inspect.Recording) {
			tell(ctx, staged{scene.Name, channel, newTimeline(r, func(id int) bool { return s.paused[id] })})
		},
		Pace: func(ctx context.Context, m lesson.Moment) error {
			on := make(chan struct{})
			if err := tell(ctx, paused{m, on}); err != nil {
				return err
			}
			select {
			case <-on:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	}
	return l.task(func() tea.Msg {
		l.close()
		result, err := o.Scene(ctx, name, channel, audience)
		tell(ctx, played{result, err})
		return nil
	})
}

// hear waits for the next news of a scene or a lesson.
func (l *live) hear(from <-chan tea.Msg, generation int) tea.Cmd {
	ctx := l.session
	return l.task(func() tea.Msg {
		select {
		case msg := <-from:
			return news{generation, msg}
		case <-ctx.Done():
			return nil
		}
	})
}

// hear takes news of the scene.
func (m *model) hear(msg news) tea.Cmd {
	if msg.generation != m.generation {
		return nil
	}
	if m.sitting != nil {
		return tea.Batch(m.hearLesson(msg.Msg), m.live.hear(m.sitting.news, m.generation))
	}
	s := m.scene
	switch msg := msg.Msg.(type) {
	case staged:
		s.name, s.channel = msg.name, msg.channel
		m.opening, m.time, m.said = false, msg.time, saying{}
		m.time.follow = true
		m.mode, m.list = onWire, onWire
		return tea.Batch(m.watch(), m.live.hear(s.news, m.generation))
	case paused:
		s.wait(msg)
		playing := m.playing
		m.present()
		m.playing = playing
		m.selectTampered()
		return m.live.hear(s.news, m.generation)
	case played:
		m.opening, s.result, s.failed = false, msg.result, msg.err != nil
		m.present()
		m.selectTampered()
		if msg.err != nil {
			m.complain("wire_scene_failed", "error", inspect.Safe(msg.err.Error()))
		}
	}
	return nil
}

// selectTampered selects the record that is about to be tampered with, or that was last: what is said below is about it.
func (m *model) selectTampered() {
	if id := m.scene.moment.Unit; len(m.scene.waits) > 0 && id >= 0 {
		m.wire.sel = id + 1
		return
	}
	if at := slices.Max(append(slices.Collect(maps.Keys(m.scene.paused)), -1)); at >= 0 {
		m.wire.sel = at + 1
	}
}

// sceneView says at the top of what is shown which scene it is, what its step does, and in the end what came of it.
func (m *model) sceneView(w, height int) []string {
	s := m.scene
	if s == nil || s.channel == "" {
		return nil
	}
	roomy := height >= 14
	sheet := &sheet{m: m, w: w}
	hint := m.say("scene_view_step", "at", s.moment.At, "of", s.moment.Of)
	if !s.running() {
		hint = m.say("scene_view_over")
	}
	sheet.lines = append(sheet.lines, m.rule(w, m.say("scene_view", "name", s.name, "channel", s.channel), hint))
	if roomy || !s.running() {
		sheet.text(quiet, m.say("scene_"+underscored(s.name)+"_title"))
	}
	switch {
	case s.result != nil:
		sheet.text(strong, m.o.Told(s.result, m.sentences.Lang()))
	case s.running() && s.moment.At > 0:
		sheet.text(strong, m.sceneStep())
		if why := m.sceneWhy(); roomy && why != "" {
			sheet.text(plain, why)
		}
	}
	return sheet.lines[:min(len(sheet.lines), max(height/2, 1))]
}

func underscored(name string) string { return strings.ReplaceAll(inspect.Safe(name), "-", "_") }

// sceneStep says what the scene's step does.
func (m *model) sceneStep() string {
	now := m.scene.moment
	pairs := []any{"about", inspect.Safe(now.About), "does", inspect.Safe(now.Does)}
	if row, ok := m.time.rowAt(now.Unit); ok && now.Unit >= 0 {
		return m.say("scene_step_unit", append(pairs, "row", row+1)...)
	}
	return m.say("scene_step_"+now.Verb, pairs...)
}

// sceneWhy says what is to be found out by it; "" where that needs no word.
func (m *model) sceneWhy() string {
	action, _, _ := strings.Cut(m.scene.moment.Does, " ")
	if id := "scene_why_" + action; m.scene.moment.Verb == "tamper" && m.sentences.Has(id) {
		return m.say(id)
	}
	return ""
}

// sceneNext says what the key that goes on does.
func (m *model) sceneNext() (string, ink) {
	s := m.scene
	row, ok := m.time.rowAt(s.moment.Unit)
	switch {
	case len(s.waits) == 0:
		return m.say("scene_goes_on"), quiet
	case ok && s.moment.Unit >= 0:
		return m.say("scene_next_unit", "arrow", m.forwardKey(), "row", row+1), bad
	}
	return m.say("scene_next", "arrow", m.forwardKey()), strong
}

// sceneLines explains a scene that is over: what it teaches, and what its script expected.
func (m *model) sceneLines(s *sheet) {
	if m.scene == nil || m.scene.result == nil {
		return
	}
	s.text(strong, m.say("scene_"+underscored(m.scene.name)+"_title"))
	s.text(strong, m.o.Told(m.scene.result, m.sentences.Lang()))
	s.text(plain, m.say("scene_"+underscored(m.scene.name)+"_lesson"))
	for _, note := range m.scene.result.Notes {
		s.text(quiet, m.say("scene_note_"+underscored(note)))
	}
	for _, check := range m.scene.result.Checks {
		sign, ink := m.pal.glyphs.verified, good
		if !check.OK {
			sign, ink = m.pal.glyphs.refuted, bad
		}
		s.text(ink, sign+" "+inspect.Safe(check.Text))
	}
	s.text(plain, "")
}
