package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage"
)

// A seed is the number that everything in a glass box is drawn from, if one
// was given.
type seed struct{ number *uint64 }

func (s *seed) String() string {
	if s.number == nil {
		return ""
	}
	return strconv.FormatUint(*s.number, 10)
}

func (s *seed) Type() string { return "number" }

func (s *seed) Set(word string) error {
	number, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		return errors.New("not a number from 0 to 18446744073709551615")
	}
	s.number = &number
	return nil
}

// drawFromConfigRand has crypto/tls draw its keys from Config.Rand, which it
// does not do by itself since Go 1.26. What the user has set stands.
func drawFromConfigRand() error {
	const setting = "cryptocustomrand="
	settings := os.Getenv("GODEBUG")
	for one := range strings.SplitSeq(settings, ",") {
		if strings.HasPrefix(one, setting) {
			return nil
		}
	}
	return os.Setenv("GODEBUG", strings.TrimPrefix(settings+","+setting+"1", ","))
}

// teachDefaults has crypto/tls do what it does by default, which is what the
// lessons tell of, whatever the user has set in GODEBUG. Other settings stand.
func teachDefaults() error {
	settings := os.Getenv("GODEBUG")
	var kept []string
	for one := range strings.SplitSeq(settings, ",") {
		if one != "" && !strings.HasPrefix(one, "tls") && !strings.HasPrefix(one, "x509") && one != "cryptocustomrand=0" {
			kept = append(kept, one)
		}
	}
	now := strings.Join(kept, ",")
	if now == settings {
		return nil
	}
	return os.Setenv("GODEBUG", now)
}

// glassBoxNotice says what a glass box is, and with a seed what will be the
// same each time. It is empty without one.
func (r *labRun) glassBoxNotice(kv *stage.KV) []string {
	if !r.glassBox {
		return nil
	}
	return append([]string{r.say("cmd_glass_box")}, r.seedNotice(kv)...)
}

func (r *labRun) seedNotice(kv *stage.KV) []string {
	if kv.Seed == nil {
		return nil
	}
	isHybrid := func(group tls.CurveID) bool { return strings.Contains(inspect.GroupName(uint16(group)), "MLKEM") }
	id := "cmd_glass_box_seed"
	switch {
	case kv.ECH != stage.NoECH && slices.ContainsFunc(kv.Groups, isHybrid):
		id = "cmd_glass_box_seed_ech_hybrid"
	case kv.MaxVersion != tls.VersionTLS12 && slices.ContainsFunc(kv.Groups, isHybrid):
		id = "cmd_glass_box_seed_hybrid"
	case kv.ECH == stage.AcceptedECH:
		id = "cmd_glass_box_seed_ech"
	case kv.ECH == stage.RejectedECH:
		id = "cmd_glass_box_seed_ech_rejected"
	case kv.Groups == nil:
		id = "cmd_glass_box_seed_x25519"
	}
	return []string{r.say(id, "seed", r.seed.String(), "go", runtime.Version())}
}

// title names the screen by what would show the same session again.
func (r *labRun) title() string {
	if r.seed.number == nil {
		return ""
	}
	return "tlslab lab --glass-box --seed " + r.seed.String()
}

// dark says that in a session of a glass box nothing is to be seen, if that is so.
func (r *labRun) dark(s *inspect.Session) []string {
	for _, c := range s.Connections() {
		if c.Dark(s.Recording().Len() - 1) {
			lines := []string{r.say("cmd_glass_box_dark", "go", runtime.Version())}
			if r.seed.number != nil {
				lines = append(lines, r.say("cmd_glass_box_dark_seed"))
			}
			return lines
		}
	}
	return nil
}

// note prints lines about the session, apart from those that are for a program.
func (r *labRun) note(lines []string) {
	out := r.out
	if r.json {
		out = r.err
	}
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
}
