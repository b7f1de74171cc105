package lesson

import (
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// mutants returns values like v that are not v: the numbers beside it, other
// bytes, another name of the same registry, another text.
func (v Value) mutants() (all []Value) {
	switch {
	case v.Numeric && v.Bytes == nil:
		return []Value{numberValue(v.Number - 1), numberValue(v.Number + 1)}
	case v.Items == nil && len(v.Bytes) > 0 && string(v.Bytes) != v.Text:
		for _, at := range []int{0, len(v.Bytes) - 1} {
			changed := slices.Clone(v.Bytes)
			changed[at] ^= 1
			all = append(all, Value{Bytes: changed})
		}
	}
	for _, other := range namesBeside(v.Text) {
		all = append(all, textValue(other))
	}
	if all == nil {
		all = alteredTexts(v.Text)
	}
	return all
}

// alteredTexts are the text with one letter another, at its beginning and its
// end; of an empty one, some text.
func alteredTexts(text string) []Value {
	letters := []rune(text)
	if len(letters) == 0 {
		return []Value{textValue("x")}
	}
	var all []Value
	for _, at := range slices.Compact([]int{0, len(letters) - 1}) {
		altered := slices.Clone(letters)
		if altered[at]++; strings.ContainsRune("\n\r", letters[at]) {
			altered[at] = '.'
		}
		all = append(all, textValue(string(altered)))
	}
	return all
}

// A registry is a set of names of which one can be taken for another.
type registry func() []string

// registries are those of the standards, as far as lessons speak of them, and the
// words of this package and of inspect.
var registries = []registry{
	func() []string { return codes(inspect.VersionName, 0x0300, 0x0304) },
	func() []string {
		return slices.Concat(codes(inspect.SuiteName, 0x1301, 0x1305), codes(inspect.SuiteName, 0xc023, 0xc032), codes(inspect.SuiteName, 0xcca8, 0xccae), codes(inspect.SuiteName, 0x002f, 0x003d), codes(inspect.SuiteName, 0x009c, 0x00a0))
	},
	func() []string {
		return slices.Concat(codes(inspect.GroupName, 0x0017, 0x001e), codes(inspect.GroupName, 0x0100, 0x0104), codes(inspect.GroupName, 0x11eb, 0x11ed))
	},
	func() []string {
		return slices.Concat(codes(inspect.SchemeName, 0x0401, 0x0403), codes(inspect.SchemeName, 0x0501, 0x0503), codes(inspect.SchemeName, 0x0601, 0x0603), codes(inspect.SchemeName, 0x0804, 0x080b))
	},
	func() []string {
		return slices.Concat(codes(inspect.ExtensionName, 0x0000, 0x003d), codes(inspect.ExtensionName, 0xfe0d, 0xfe0d), codes(inspect.ExtensionName, 0xff01, 0xff01))
	},
	func() []string {
		return codes(func(code uint16) string { return inspect.AlertName(byte(code)) }, 0x00, 0x79)
	},
	func() []string {
		return append([]string{"hello_retry_request"}, codes(func(code uint16) string { return inspect.HandshakeType(code).String() }, 0x00, 0x19)...)
	},
	func() []string {
		return codes(func(code uint16) string { return inspect.ContentType(code).String() }, 0x14, 0x18)
	},
	these("client", "server", "nobody"),
	these("yes", "no"),
	these(inspect.Verified.String(), inspect.Refuted.String()),
	these(inHandshake, afterHandshake, ofNothing),
	these("clear", "early", "application"),
	these(inspect.ClosedNotify.String(), inspect.ClosedEndOfFile.String(), inspect.Cut.String()),
	these("unchanged", "not received", inspect.VerdictAltered.String(), inspect.VerdictDropped.String(), inspect.VerdictRepeated.String(), inspect.VerdictReordered.String(), inspect.VerdictResealed.String(), inspect.VerdictUnreadable.String()),
}

func these(all ...string) registry { return func() []string { return all } }

// codes returns the names of the code points from first to last that have one.
func codes(name func(uint16) string, first, last uint16) (names []string) {
	for code := first; code <= last; code++ {
		if name := name(code); !strings.HasSuffix(name, "unassigned or unknown") && !strings.HasPrefix(name, "GREASE") {
			names = append(names, name)
		}
	}
	return names
}

// isName reports whether the word is a name of one of the registries.
func isName(word string) bool { return namesBeside(word) != nil }

// registryOf returns the names of the registry that has this one; nil if none has.
func registryOf(name string) []string {
	for _, r := range registries {
		if names := r(); slices.Contains(names, name) && len(names) > 1 {
			return names
		}
	}
	return nil
}

// namesBeside returns the names before and behind a name in its registry; nil if
// it is in none.
func namesBeside(name string) (others []string) {
	all := registryOf(name)
	if all == nil {
		return nil
	}
	at := slices.Index(all, name)
	if others = append(others, all[(at+1)%len(all)]); len(all) > 2 {
		others = append(others, all[(at+len(all)-1)%len(all)])
	}
	return others
}
