package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestTheManualStandsInBothLanguages(t *testing.T) {
	en, pt := manual(t, "en"), manual(t, "pt-BR")
	if len(en) == 0 || !slices.Equal(en, pt) {
		t.Errorf("docs/manual/en has %q, docs/manual/pt-BR %q", en, pt)
	}
}

func TestAPageHasTheSamePartsAndCommandLinesInBothLanguages(t *testing.T) {
	pages := map[string]string{"../README.md": "manual/LEIAME.pt-BR.md"}
	for _, name := range manual(t, "en") {
		pages["manual/en/"+name] = "manual/pt-BR/" + name
	}
	for name, other := range pages {
		en, pt := readPage(t, name), readPage(t, other)
		if got, want := levels(pt), levels(en); got != want {
			t.Errorf("%s: the headings are %s in pt-BR, %s in en", name, got, want)
		}
		for i, want := range en.commands {
			if i == len(pt.commands) {
				t.Errorf("%s: pt-BR lacks the command line %s", name, want)
				break
			}
			if pt.commands[i] != want {
				t.Errorf("%s: a command line is\n%s in pt-BR,\n%s in en", name, pt.commands[i], want)
				break
			}
		}
		if more := len(pt.commands) - len(en.commands); more > 0 {
			t.Errorf("%s: pt-BR has %d command lines more", name, more)
		}
	}
}

func TestEveryLinkOfTheManualLeadsSomewhere(t *testing.T) {
	names := []string{"../README.md", "../CONTRIBUTING.md", "manual/LEIAME.pt-BR.md", "manual/seeds.md", "decisions/README.md"}
	for _, lang := range []string{"en", "pt-BR"} {
		for _, name := range manual(t, lang) {
			names = append(names, "manual/"+lang+"/"+name)
		}
	}
	for _, name := range names {
		for _, link := range readPage(t, name).links {
			if strings.Contains(link, "://") {
				t.Errorf("%s leads away, to %s", name, link)
				continue
			}
			target, anchor, _ := strings.Cut(link, "#")
			file := path.Join(path.Dir(name), target)
			if target == "" {
				file = name
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: there is no %s", name, link)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(readPage(t, file)), anchor) {
				t.Errorf("%s: %s has no heading for %s", name, target, link)
			}
		}
	}
}

func TestTheFirstPageLeadsToEveryOther(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		links := readPage(t, "manual/"+lang+"/index.md").links
		for _, name := range manual(t, lang) {
			if name != "index.md" && !slices.Contains(links, name) {
				t.Errorf("%s: index.md does not lead to %s", lang, name)
			}
		}
	}
	for readme, index := range map[string]string{"../README.md": "docs/manual/en/index.md", "manual/LEIAME.pt-BR.md": "pt-BR/index.md"} {
		if !slices.Contains(readPage(t, readme).links, index) {
			t.Errorf("%s does not lead to %s", readme, index)
		}
	}
}

// manual lists the pages of a language.
func manual(t *testing.T, lang string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("manual", lang, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range names {
		names[i] = filepath.Base(names[i])
	}
	return names
}

// A page is what the tests read of a page in Markdown.
type page struct {
	headings []string // with their signs, as "## The wire"
	links    []string
	commands []string // lines of code that begin with a program, without what differs between languages
}

var (
	linked   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	programs = regexp.MustCompile(`^(\$ )?(bin/)?(tlslab|make|go [a-z]+|openssl|curl|python3|wireshark|printf|git|cp|cd|export|NO_COLOR=\S+|TERM=\S+) `)
	remark   = regexp.MustCompile(`\s+# .*$|\s{3,}.*$`)
	word     = regexp.MustCompile(`\b[A-ZÁÉÍÓÚÂÊÔÃÕÇ]{3,}\b|'[^']*'|\b\w+\.(pcapng|db|pem)\b|\[[^]]*\]`) // a placeholder, text, a file
)

func readPage(t *testing.T, file string) (p page) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fence := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if sign := line[:len(line)-len(strings.TrimLeft(line, "`"))]; len(sign) >= 3 && fence == "" {
			fence = sign
			continue
		} else if fence != "" && line == fence {
			fence = ""
			continue
		}
		code, indented := strings.CutPrefix(line, "    ")
		switch {
		case fence != "" || indented:
			if code = strings.TrimSpace(code); programs.MatchString(code + " ") {
				p.commands = append(p.commands, word.ReplaceAllString(remark.ReplaceAllString(code, ""), "WORD"))
			}
		case strings.HasPrefix(line, "#"):
			p.headings = append(p.headings, line)
			fallthrough
		default:
			for _, found := range linked.FindAllStringSubmatch(line, -1) {
				p.links = append(p.links, found[1])
			}
		}
	}
	return p
}

// levels writes how deep the headings of a page are: "1 2 2 3".
func levels(p page) string {
	var all []string
	for _, heading := range p.headings {
		sign, _, _ := strings.Cut(heading, " ")
		all = append(all, string(rune('0'+len(sign))))
	}
	return strings.Join(all, " ")
}

// anchors are what forges call the headings of a page.
func anchors(p page) (all []string) {
	for _, heading := range p.headings {
		_, text, _ := strings.Cut(heading, " ")
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, text))
	}
	return all
}
