package docs

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed sentences/*.toml
var files embed.FS

// The languages there are, as [Sentences.Lang] and [Match] name them.
const (
	English    = "en"
	Portuguese = "pt-BR"
)

// Sentences says things in one language. The zero value, and nil, speak English.
// Safe for concurrent use.
type Sentences struct {
	lang      string
	bundle    *i18n.Bundle // written by load alone
	localizer *i18n.Localizer
	ids       map[string]bool
	broken    []error // files that could not be read; the tests want none
}

// Each language is read when it is first asked for, and once.
var (
	english    = sync.OnceValue(func() *Sentences { return load(English) })
	portuguese = sync.OnceValue(func() *Sentences { return load(Portuguese) })
)

// For returns the sentences of a language: "en" or "pt-BR", or whatever [Match] takes for one of them. Any other
// language gets English. Unlike [Match] it does not look at the environment.
func For(lang string) *Sentences {
	if closest(lang) == Portuguese {
		return portuguese()
	}
	return english()
}

// Match chooses the language, "en" or "pt-BR": the flag's if it is not empty, otherwise that of the first of LC_ALL,
// LC_MESSAGES and LANG that is set and not empty, otherwise English. Every kind of Portuguese is "pt-BR"; "C",
// "POSIX" and every language that is not there is "en".
func Match(flag string) string {
	for _, asked := range []string{flag, os.Getenv("LC_ALL"), os.Getenv("LC_MESSAGES"), os.Getenv("LANG")} {
		if asked != "" {
			return closest(asked)
		}
	}
	return English
}

// closest reads a BCP 47 tag ("pt-PT") or a POSIX locale ("pt_BR.UTF-8", "pt@euro").
func closest(asked string) string {
	name, _, _ := strings.Cut(asked, "@")
	name, _, _ = strings.Cut(name, ".")
	tag, err := language.Parse(name)
	if err != nil {
		return English
	}
	if base, _ := tag.Base(); base.String() == "pt" {
		return Portuguese
	}
	return English
}

// Lang returns "en" or "pt-BR".
func (s *Sentences) Lang() string {
	return s.orEnglish().lang
}

// Has reports whether there is a sentence of that id.
func (s *Sentences) Has(id string) bool {
	return s.orEnglish().ids[id]
}

// Say returns the sentence of that id, filled in with pairs: a name, its value, a name, its value.
//
//	s.Say("kvs_key_exists", "key", key)
//
// The pair "count", a whole number, also chooses the plural form. Values are put in as fmt.Sprint writes them and
// nothing in them is interpreted; neither is anything escaped, so a value that came from the wire or from a file must be
// made safe for its destination (terminal, page, log) by the caller.
//
// Say never fails. A sentence that is missing in Portuguese is said in English; one that is missing in both comes
// out as its id in guillemets («kvs_key_exists»), for everyone to see; a value that is missing comes out as "<no value>".
func (s *Sentences) Say(id string, pairs ...any) string {
	s = s.orEnglish()
	data, count := named(pairs)
	if text, ok := s.fill(id, data, count); ok {
		return text
	}
	if s.lang != English {
		return english().Say(id, pairs...)
	}
	return "«" + id + "»"
}

// Explain returns what a student should know of a kind of field, such as "client_hello.random" (the Kind of an
// inspect.Field), of a kind of value, such as "schedule.psk" or "protection.nonce" (the Kind of an inspect.Value), or of a
// proof, such as "proof.finished" ("proof." and the Kind of an inspect.Verification); "" if nothing is said of it.
func (s *Sentences) Explain(kind string) string {
	id := strings.ToLower(strings.ReplaceAll(kind, ".", "_"))
	switch subject, _, _ := strings.Cut(kind, "."); subject {
	case "schedule", "protection", "proof":
	default:
		id = "field_" + id
	}
	if s.Has(id) {
		return s.Say(id)
	}
	return ""
}

// Unit returns what a unit of a protocol is called, which the protocol calls by that name ("public_key"): the sentence
// "unit_name_" and the name, or the name itself if there is none. Who made up the name must have made it safe.
func (s *Sentences) Unit(name string) string {
	if id := "unit_name_" + name; s.Has(id) {
		return s.Say(id)
	}
	return name
}

// SameBlocks says that a unit begins with the same blocks as an earlier one, which the reader knows by a number, or, where
// block is not 0, that this one of them is equal, counted from 1. It is "" if the number is 0.
func (s *Sentences) SameBlocks(number, blocks, block int) string {
	switch {
	case number == 0:
		return ""
	case block == 0:
		return s.Say("unit_same_beginning", "count", blocks, "number", number)
	}
	return s.Say("unit_same_block", "block", block, "number", number)
}

func (s *Sentences) orEnglish() *Sentences {
	if s == nil || s.localizer == nil {
		return english()
	}
	return s
}

func (s *Sentences) fill(id string, data map[string]any, count any) (string, bool) {
	if !s.ids[id] {
		return "", false
	}
	// The error is of no interest where there is a text: a sentence without a form "one" is said with "other".
	text, err := s.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data, PluralCount: count})
	if text == "" && count != nil { // count is not a number
		text, err = s.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
	}
	return text, text != "" || err == nil
}

// named makes a map of the pairs. A name without a value has none, and a value without a name is left out.
func named(pairs []any) (data map[string]any, count any) {
	data = make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		name := fmt.Sprint(pairs[i])
		data[name] = pairs[i+1]
		if name == "count" {
			count = fmt.Sprint(pairs[i+1]) // any integer type, since the plural rules read digits
		}
	}
	return data, count
}

func load(lang string) *Sentences {
	s := empty(lang)
	names, err := fs.Glob(files, "sentences/*."+lang+".toml")
	if err != nil {
		s.broken = append(s.broken, err)
	}
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err == nil {
			err = s.read(name, text)
		}
		if err != nil {
			s.broken = append(s.broken, fmt.Errorf("%s: %w", name, err))
		}
	}
	return s
}

// empty returns a language without sentences.
func empty(lang string) *Sentences {
	bundle := i18n.NewBundle(language.MustParse(lang))
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	return &Sentences{
		lang:      lang,
		bundle:    bundle,
		localizer: i18n.NewLocalizer(bundle, lang),
		ids:       make(map[string]bool),
	}
}

func (s *Sentences) read(name string, text []byte) error {
	parsed, err := s.bundle.ParseMessageFileBytes(text, name)
	if err != nil {
		return err
	}
	for _, message := range parsed.Messages {
		s.ids[message.ID] = true
	}
	return nil
}
