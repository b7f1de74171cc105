package kvs

// maxSteps is how many bytes of a pattern may be looked at for one command: others may be waiting.
const maxSteps = 100_000_000

// A glob is a pattern of KEYS and SCAN: ? is any byte, * any number of them, [abc], [a-z] and [^a] one of those named or not
// named, and \ takes the next one as it is. A key takes at most as many steps as the product of the two lengths.
type glob struct {
	pattern []byte
	steps   int // that were taken
}

// exhausted reports whether there were more steps than maxSteps. What matches has said last is void then.
func (g *glob) exhausted() bool { return g.steps > maxSteps }

// matches reports whether a key is what the pattern asks for.
func (g *glob) matches(key []byte) bool {
	pattern := g.pattern
	star, from := -1, 0 // where to go on when a guess of what * stands for was wrong
	p, k := 0, 0
	for k < len(key) && !g.exhausted() {
		g.steps++
		if p < len(pattern) && pattern[p] == '*' {
			star, from = p, k
			p++
			continue
		}
		if p < len(pattern) {
			size, ok := matchesOne(pattern[p:], key[k])
			g.steps += size
			if ok {
				p += size
				k++
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		p, k = star+1, from
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchesOne reports whether the start of a pattern, of that size, matches a byte.
func matchesOne(pattern []byte, c byte) (size int, ok bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '[':
		return matchesClass(pattern, c)
	case '\\':
		if len(pattern) > 1 {
			return 2, pattern[1] == c
		}
	}
	return 1, pattern[0] == c
}

// matchesClass is matchesOne for what begins with [. One that is not closed ends with the pattern.
func matchesClass(pattern []byte, c byte) (size int, ok bool) {
	i := 1
	negated := i < len(pattern) && pattern[i] == '^'
	if negated {
		i++
	}
	for ; i < len(pattern) && pattern[i] != ']'; i++ {
		switch {
		case pattern[i] == '\\' && i+1 < len(pattern):
			i++
			ok = ok || pattern[i] == c
		case i+2 < len(pattern) && pattern[i+1] == '-':
			low, high := min(pattern[i], pattern[i+2]), max(pattern[i], pattern[i+2])
			ok = ok || low <= c && c <= high
			i += 2
		default:
			ok = ok || pattern[i] == c
		}
	}
	return min(i+1, len(pattern)), ok != negated
}
