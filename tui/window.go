package tui

// A place names a line by its row and its line in that row, so that new rows never move it.
type place struct{ row, line int }

// before reports whether p stands above q.
func (p place) before(q place) bool { return p.row < q.row || p.row == q.row && p.line < q.line }

// A window is the part of a list that is drawn. A row takes one line or more, which the list says when it is asked; the
// window asks of those rows alone that it passes, so that it costs the same however many there are.
type window struct {
	top    place
	height int // as last drawn
}

// page is how far a page goes: one line of what was shown stays.
func (w *window) page() int { return max(w.height-1, 1) }

// reveal moves the window as little as needed, so that the lines from first to last are in it, or as many of them as
// there is room for, and that no line stays empty while there are rows above.
func (w *window) reveal(first, last place, rows, height int, lines func(row int) int) {
	w.height = height
	if rows == 0 {
		w.top = place{}
		return
	}
	if w.top.row >= rows {
		w.top = place{rows - 1, 0}
	}
	w.top.line = min(w.top.line, lines(w.top.row)-1)
	if between(w.top, last, height, lines) >= height {
		w.top = above(last, height-1, lines)
	}
	if first.before(w.top) {
		w.top = first
	}
	end := place{rows - 1, lines(rows-1) - 1}
	if lowest := above(end, height-1, lines); lowest.before(w.top) {
		w.top = lowest
	}
}

// above returns the place n lines above p, or the first.
func above(p place, n int, lines func(row int) int) place {
	for n > 0 {
		if p.line >= n {
			p.line -= n
			break
		}
		n -= p.line + 1
		if p.row == 0 {
			return place{}
		}
		p = place{p.row - 1, lines(p.row-1) - 1}
	}
	return p
}

// between returns how many lines below p the place q stands, or limit if it is further.
func between(p, q place, limit int, lines func(row int) int) int {
	n := -p.line
	for row := p.row; row < q.row && n < limit; row++ {
		n += lines(row)
	}
	return min(n+q.line, limit)
}
