package stage

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

var (
	// ErrChannel says that a stage is not played on a channel: only the
	// key-value service has several.
	ErrChannel = errors.New("no such channel")

	// ErrWith says that a stage cannot differ in that way.
	ErrWith = errors.New("no such difference")
)

// Channels are those of the key-value service, in the order of the course.
func Channels() []string {
	return []string{ChannelClear, ChannelSealed, ChannelSealedAuthenticated, ChannelTLS12, ChannelTLS13, ChannelMTLS}
}

// Differences are the words for how a stage can differ, on a channel if it is kv; none, if it cannot.
func Differences(name, channel string) (all []string) {
	switch {
	case name == NameKV && strings.HasPrefix(channel, ChannelSealed):
		return []string{SomeoneInBetween} // it has no certificates
	case name == NameKV:
		return slices.Clone(faults)
	}
	for _, option := range []string{"authenticated", "flawed", "shared"} {
		if slices.Contains(Taking(option), name) {
			all = append(all, option)
		}
	}
	return all
}

// Named makes a stage as a lesson asks for it: by its name, by its channel if it
// is kv ("" is TLS 1.3), and by how it differs. kv differs as a [Setting] does;
// the others by an option that they take, as in "flawed" (see [Taking]).
func Named(name, channel string, with []string, o Options) (inspect.Stage, error) {
	if name == NameKV {
		channel = cmp.Or(channel, ChannelTLS13)
		if !slices.Contains(Channels(), channel) {
			return nil, fmt.Errorf("%w as %q; there are %s", ErrChannel, channel, strings.Join(Channels(), ", "))
		}
		for _, word := range with {
			if there := Differences(name, channel); !slices.Contains(there, word) {
				return nil, fmt.Errorf("%w as %q on the channel %s; there are %s", ErrWith, word, channel, strings.Join(there, ", "))
			}
		}
		return &Setting{Channel: channel, With: with, Lang: o.Lang, Keys: o.Keys}, nil
	}
	entry, err := New(name, o)
	if err == nil && channel != "" {
		err = fmt.Errorf("%w: only %s has one, and %s has not %q", ErrChannel, NameKV, name, channel)
	}
	for _, word := range with {
		if !slices.Contains(Taking(word), name) {
			err = cmp.Or(err, fmt.Errorf("%w: %s does not take %q", ErrWith, name, word))
		}
		switch word {
		case "shared":
			o.Shared = true
		case "flawed":
			o.Flawed = true
		case "authenticated":
			o.Authenticated = true
		default:
			err = cmp.Or(err, fmt.Errorf("%w as %q", ErrWith, word))
		}
	}
	if err != nil {
		return nil, err
	}
	if entry, err = New(name, o); err != nil {
		return nil, err
	}
	return entry.Stage, nil
}
