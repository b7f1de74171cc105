package stage

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage/sealed"
	"example.com/tlslab/kvs/stage/sockets"
)

// The names of the stages; those of the sockets course are its versions'.
const (
	NameUpper  = "upper"
	NameRouter = "router"
	NameSealed = "sealed"
	NameKV     = "kv"
)

// Options are what the stages of the course can be told; each takes its own.
// The zero value is each as it was.
type Options struct {
	Lang          string        // of what the endpoints say: "en" or "pt-BR"
	Shared        bool          // sockets-v5: all clients work on one list
	Flawed        bool          // router: with the original's faults
	Authenticated bool          // sealed: the mended variant
	Image         *sealed.Image // sealed: what containers begin with
	Containers    int           // sealed: how many there may be at once; zero is the default
	Keys          *SealedKeys   // sealed, and kv on its channel: nil is new ones
	Channel       string        // kv: what client and server speak through; "" is TLS as Go speaks it by default
}

// An Entry is a stage of the course, ready to be played in memory.
type Entry struct {
	inspect.Stage
	Name         string
	Conversation []string // its own short one, whose commands a prompt can suggest
	Notice       string   // how it differs from what it was, or should be; "" if it does not
	Label        string   // the same in a few words, for everyone who sees it
}

// The course, in the order in which it is learned.
var course = []struct {
	name  string
	takes []string // names of options: the fields of Options, as flags have them
	enter func(name string, o Options) Entry
}{
	{NameUpper, nil, enterUpper},
	{sockets.V1.String(), nil, enterSockets},
	{sockets.V2.String(), nil, enterSockets},
	{sockets.V3.String(), nil, enterSockets},
	{sockets.V4.String(), nil, enterSockets},
	{sockets.V5.String(), []string{"shared"}, enterSockets},
	{NameRouter, []string{"flawed"}, enterRouter},
	{NameSealed, []string{"authenticated", "image", "containers"}, enterSealed},
	{NameKV, []string{"channel"}, enterKV},
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
			entry := s.enter(name, o)
			entry.Name = name
			return entry, nil
		}
	}
	return Entry{}, fmt.Errorf("%w as %q; there are %s", ErrNoStage, name, strings.Join(Names(), ", "))
}

func enterUpper(_ string, o Options) Entry {
	return Entry{Stage: &Upper{Lang: o.Lang}, Conversation: UpperHints}
}

func enterSockets(name string, o Options) Entry {
	version, _ := sockets.ParseVersion(name)
	return Entry{Stage: &Sockets{Version: version, Lang: o.Lang, Shared: o.Shared}, Conversation: SocketsHints(version)}
}

func enterRouter(_ string, o Options) Entry {
	router := &Router{Flawed: o.Flawed, Lang: o.Lang}
	entry := Entry{Stage: router, Conversation: RouterHints, Notice: router.Notice()}
	if o.Flawed {
		entry.Label = docs.For(o.Lang).Say("stage_router_label")
	}
	return entry
}

func enterSealed(_ string, o Options) Entry {
	say := docs.For(o.Lang)
	entry := Entry{
		Stage:        &Sealed{Authenticated: o.Authenticated, Lang: o.Lang, Image: o.Image, Containers: o.Containers, Keys: o.Keys},
		Conversation: SealedHints, Notice: say.Say("stage_sealed_original"), Label: say.Say("stage_sealed_label"),
	}
	if o.Authenticated {
		entry.Notice, entry.Label = say.Say("stage_sealed_authenticated"), say.Say("stage_sealed_authenticated_label")
	}
	return entry
}

func enterKV(_ string, o Options) Entry {
	entry := Entry{Stage: &KV{Lang: o.Lang}, Conversation: []string{"create nome ana", "read nome", "update nome maria", "show", "exit"}}
	if o.Channel == "" {
		return entry
	}
	setting := &Setting{Channel: o.Channel, Lang: o.Lang, Says: true, Keys: o.Keys}
	entry.Stage = setting
	if setting.isSealed() {
		channel := enterSealed(NameSealed, Options{Lang: o.Lang, Authenticated: o.Channel == ChannelSealedAuthenticated})
		entry.Notice, entry.Label = channel.Notice, channel.Label
	}
	return entry
}
