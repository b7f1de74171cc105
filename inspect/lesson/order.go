package lesson

import (
	"regexp"
	"slices"
	"strings"
)

// Order. Messages that a sentence names one after the other are sent so: by every list of messages of its page that has
// both, and where there is none, by the standards.

// handshakeOrder is that of RFC 8446 section 2 and RFC 5246 section 7.3, as far as it is the same in both.
var handshakeOrder = []string{
	"client_hello", "server_hello", "encrypted_extensions", "certificate", "certificate_verify", "finished",
}

var (
	messageName = regexp.MustCompile(`\b(ClientHello|HelloRetryRequest|ServerHello|EncryptedExtensions|CertificateRequest|CertificateVerify|Certificate|ServerKeyExchange|ServerHelloDone|ClientKeyExchange|Finished|NewSessionTicket)\b`)

	// A name behind after, and one that begins with before, stands before the other.
	behindAfter  = regexp.MustCompile(`(?i)(` + afterIt + `)(\s+(the|its|a|o|seu))*\s+$`)
	behindBefore = regexp.MustCompile(`(?i)(` + beforeIt + `)(\s+(the|its|a|o|seu|d[oae]))*\s+$`)

	endOfSentence = regexp.MustCompile(`[.!?](\s|$)`)
)

// disordered are names of messages that stand in another order than they are sent in.
func (l *Lesson) disordered() (faults []Check) {
	for page := range l.Pages {
		lists := l.lists(page)
		for _, p := range l.proseOf(page) {
			var text strings.Builder
			for _, span := range p.spans {
				if span.template == nil {
					text.WriteString(span.text)
				} else {
					text.WriteString("…")
				}
			}
			for _, sentence := range endOfSentence.Split(text.String(), -1) {
				for _, pair := range pairsIn(sentence) {
					if contradicted(lists, pair[0], pair[1]) {
						faults = append(faults, fault(p.line, standardName(pair[0])+", "+standardName(pair[1]), "fault_order", "first", standardName(pair[1]), "second", standardName(pair[0])))
					}
				}
			}
		}
	}
	return faults
}

// pairsIn are the messages that a sentence names one after the other, the earlier one first.
func pairsIn(sentence string) (pairs [][2]string) {
	names := messageName.FindAllStringIndex(sentence, -1)
	for i := 1; i < len(names); i++ {
		before, name := names[i-1], names[i]
		a, b := snakeOf(sentence[before[0]:before[1]]), snakeOf(sentence[name[0]:name[1]])
		if behindAfter.MatchString(sentence[before[1]:name[0]]) || i == 1 && behindBefore.MatchString(sentence[:before[0]]) {
			a, b = b, a
		}
		if a != b {
			pairs = append(pairs, [2]string{a, b})
		}
	}
	return pairs
}

var capital = regexp.MustCompile(`\B[A-Z]`)

// snakeOf is client_hello for ClientHello.
func snakeOf(name string) string {
	return strings.ToLower(capital.ReplaceAllString(name, "_$0"))
}

// lists are the messages, in order, that a page expects or computes.
func (l *Lesson) lists(page int) (lists [][]string) {
	for _, v := range l.vouchers(page) {
		for _, text := range []string{v.value, v.is} {
			var list []string
			for _, name := range append(strings.Fields(strings.NewReplacer(",", " ", `"`, " ").Replace(text)), "") {
				if messageNames()[standardName(name)] || name == "certificate" {
					list = append(list, name)
					continue
				}
				if len(list) > 1 {
					lists = append(lists, list)
				}
				list = nil
			}
		}
	}
	return lists
}

// contradicted reports whether what is told of the order of two messages is not so.
func contradicted(lists [][]string, first, second string) bool {
	known := false
	for _, list := range lists {
		if at := slices.Index(list, first); at >= 0 && slices.Contains(list, second) {
			if known = true; !slices.Contains(list[at:], second) {
				return true
			}
		}
	}
	a, b := slices.Index(handshakeOrder, first), slices.Index(handshakeOrder, second)
	return !known && a >= 0 && b >= 0 && a > b
}
