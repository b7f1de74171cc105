package lesson

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Words that can be held to something: to the condition beside them, or to what the other language has in their place.
// Each is of a sort, and another word of the same sort would say something else.

type sort uint8

const (
	sideWord    sort = iota // who
	messageWord             // names of the standards: a message, an alert, anything else
	alertWord
	nameWord
	partWord   // of a record or message, by an everyday word
	placeWord  // which of several
	countWord  // how many, how often
	orderWord  // before, after
	amountWord // more, less
	likeWord   // the same, another
	clearWord  // in clear, encrypted
	notWord    // not, nothing
	sortsOfWords
)

// A saying is a pattern of what says a value.
type saying struct{ value, pattern string }

// beforeIt and afterIt are what stands before a name to say when.
const (
	beforeIt = `before|antes`
	afterIt  = `after|depois (?:d(?:[eoa]s?|el[ea]s?|iss?t?o|ess[ea]s?|est[ea]s?|aquel[ea]s?)|que)`
)

// vocabulary has the words of each sort but names, in both languages.
var vocabulary = [sortsOfWords][]saying{
	sideWord: {
		{"client", `clients?|clientes?`},
		{"server", `servers?|servidor(?:es)?`},
		{"attacker", `attackers?|atacantes?`},
		{"nobody", `nobody|no one|ninguém`},
	},
	partWord: {
		{"sequence", `sequence numbers?|números? de sequência`},
		{"header", `headers?|cabeçalhos?`},
		{"tag", `tags?|etiquetas?`},
		{"nonce", `nonces?`},
		{"padding", `padding|preenchimento`},
		{"type", `types?|tipos?`},
		{"version", `versions?|versão|versões`},
		{"length", `lengths?|tamanhos?|comprimentos?`},
	},
	placeWord: places(),
	countWord: append([]saying{
		{"0", `zeros?`},
		{"1", `once|uma vez|uma só vez|a single|uma? só|uma? únic[oa]`},
		{"2", `twice|two times|duas vezes|both|ambos|ambas|a pair of|um par de`},
		{"12", `a dozen|uma dúzia de`},
		{"", `nenhum dos dois|nenhuma das duas`}, // neither
	}, countsFromTwo()...),
	orderWord: {
		{"before", beforeIt + `|beforehand|in front|ahead of|earlier|previous|de antemão|na frente|anterior(?:es)?`},
		{"after", afterIt + `|behind`},
	},
	amountWord: {
		{"less", `less|fewer|shorter|smaller|at most|menos|menor(?:es)?|mais curt[oa]s?|no máximo`},
		{"more", `more|longer|larger|greater|bigger|at least|mais|mais long[oa]s?|maior(?:es)?|pelo menos|ao menos|no mínimo`},
		{"", `no longer|any longer`}, // says when
	},
	likeWord: {
		{"same", `same|equal|identical|alike|mesm[oa]s?|igual|iguais|idêntic[oa]s?`},
		{"other", `different|differently|differs?|others?|another|diferentes?|difere|diferem|outr[oa]s?`},
	},
	clearWord: {
		{"clear", `in clear|readable|em claro|às claras|legível|legíveis`},
		{"encrypted", `encrypt(?:s|ed)?|unreadable|cifrad[oa]s?|cifram?|cifrou|cifraram|ilegível|ilegíveis`},
	},
	notWord: {
		{"not", `not|cannot|none|nothing|nobody|no one|never|neither|without|não|nenhuma?|nada|ninguém|nunca|sem`},
		{"no", `no`}, // in Portuguese it says where
	},
}

// patternOf is the pattern of what says a value of a sort; "" if nothing does.
func patternOf(s sort, value string) string {
	if i := slices.IndexFunc(vocabulary[s], func(s saying) bool { return s.value == value }); i >= 0 {
		return vocabulary[s][i].pattern
	}
	return ""
}

func places() (all []saying) {
	for i, words := range ordinals {
		place := strconv.Itoa(i + 1)
		if i == len(ordinals)-1 {
			place = "last"
		}
		all = append(all, saying{place, strings.Join(words, "|")})
	}
	return append(all, saying{"last but one", `penultimate|penúltim[oa]s?`})
}

// countsFromTwo are the numbers from two on: one is in both languages more often something else.
func countsFromTwo() (all []saying) {
	for n, words := range numberWords {
		if n > 1 {
			all = append(all, saying{strconv.Itoa(n), strings.Join(words, "|")})
		}
	}
	return all
}

// sortPatterns match a word of each sort where one begins, each saying in a group of its own.
var sortPatterns = sync.OnceValue(func() (all [sortsOfWords]*regexp.Regexp) {
	for sort, sayings := range vocabulary {
		var patterns []string
		for _, s := range sayings {
			patterns = append(patterns, `(`+strings.ReplaceAll(strings.ReplaceAll(s.pattern, `(?:`, `(`), `(`, `(?:`)+`)`)
		}
		if patterns != nil {
			all[sort] = regexp.MustCompile(`(?i)^(?:` + strings.Join(patterns, "|") + `)(?: |$)`)
			all[sort].Longest()
		}
	}
	return all
})

// A heard is a word of a sort, as a text says it.
type heard struct {
	sort        sort
	value, text string
	at          int // where it stands
}

var (
	standardNames = regexp.MustCompile(numbered.String() + `|` + phrases.String() + `|` + word.String())
	oneThing      = regexp.MustCompile(`(?i)\b(one)` + aSortOfThing) // in Portuguese um is the article
	everyWord     = regexp.MustCompile(`\pL+`)
	contracted    = regexp.MustCompile(`n['’]t\b`)
	translated    = regexp.MustCompile(`\(em inglês,[^)]*\)`) // which the other language says once
)

// hear returns the words of a text that are of a sort, in their order.
func hear(text string, portuguese bool) []heard {
	names, rest := hearNames(text)
	return hearWords(names, rest, portuguese)
}

// hearWords adds the other words to the names in a text.
func hearWords(names []heard, rest []byte, portuguese bool) (all []heard) {
	all = names
	for _, at := range oneThing.FindAllSubmatchIndex(rest, -1) {
		if at[4] < 0 || !slices.Contains(betweens, string(rest[at[4]:at[5]])) {
			all = append(all, heard{countWord, "1", string(rest[at[2]:at[3]]), at[2]})
		}
	}
	words := everyWord.FindAllIndex(rest, -1)
	for kind, pattern := range sortPatterns() {
		for i := 0; pattern != nil && i < len(words); i++ {
			var here []string
			for _, at := range words[i:min(i+3, len(words))] {
				here = append(here, string(rest[at[0]:at[1]]))
			}
			at, m := words[i][0], pattern.FindStringSubmatch(strings.Join(here, " "))
			if m == nil {
				continue
			}
			n := slices.IndexFunc(m[1:], func(group string) bool { return group != "" })
			value := vocabulary[kind][n].value
			i += strings.Count(m[n+1], " ")
			switch {
			case value == "" || value == "no" && portuguese:
				continue
			case value == "no":
				value = "not"
			}
			all = append(all, heard{sort(kind), value, m[n+1], at})
		}
	}
	slices.SortStableFunc(all, func(a, b heard) int { return cmp.Compare(a.at, b.at) })
	return all
}

// hearNames returns the names of the standards in a text, and the rest of it.
func hearNames(text string) (all []heard, rest []byte) {
	text = contracted.ReplaceAllString(translated.ReplaceAllString(references.ReplaceAllString(text, " "), " "), " not")
	rest = []byte(text)
	for _, at := range standardNames.FindAllStringIndex(text, -1) {
		if name := text[at[0]:at[1]]; (len(claimsIn(name, Plain)) > 0 || messageName.MatchString(name)) && !written.MatchString(name) {
			all = append(all, heard{sortOfName(name), squeezed(name), name, at[0]})
			copy(rest[at[0]:at[1]], strings.Repeat("~", at[1]-at[0]))
		}
	}
	return all, rest
}

// countOf is the number that words say alone, as in: twice, a dozen.
func countOf(words string) (n int, ok bool) {
	if n, ok := numberWord(words); ok {
		return n, true
	}
	m := sortPatterns()[countWord].FindStringSubmatch(words)
	if m == nil || len(m[0]) != len(words) {
		return 0, false
	}
	saying := slices.IndexFunc(m[1:], func(group string) bool { return group != "" })
	n, err := strconv.Atoi(vocabulary[countWord][saying].value)
	return n, err == nil
}

// sortOfName is the sort of a name of the standards, however it is spelt.
func sortOfName(name string) sort {
	switch names := registryOf(snakeOf(name)); {
	case slices.Contains(names, "client_hello"):
		return messageWord
	case slices.Contains(names, "close_notify"):
		return alertWord
	}
	return nameWord
}
