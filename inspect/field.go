package inspect

// A Field is a run of bytes with a name: a leaf, or a parent whose children
// lie inside it, in order, disjoint, and together cover it. So every byte of
// a tree belongs to exactly one leaf.
//
// Offset counts from the start of what the tree dissects: the captured record
// ([Record.Fields]), or one message in clear ([Message.Fields]). A Field is a
// value; changing it changes nothing else.
type Field struct {
	Kind     string // a stable key for explanations, as in "client_hello.random"
	Name     string // in the standard's words, as in "cipher_suites"
	Offset   int
	Length   int
	Value    string // as a person reads it; may quote captured text: escape before drawing
	RFC      string // where it is defined, as in "RFC 8446 section 4.1.2"
	Children []Field

	edit editing
}

// An editing is what has to be known of a field to change it.
type editing struct {
	codes   *registry  // of a code point
	counts  int32      // of a length: how many of the fields behind it, beside it, it counts the bytes of
	form    lengthForm // of a length that is there
	number  bool       // an unsigned number of fixed size
	text    bool       // text, whatever bytes it holds
	elastic bool       // it may take any number of bytes, as long as the lengths that count it say so
}

// A lengthForm is how a length is written.
type lengthForm uint8

const (
	noLength     lengthForm = iota
	fixedLength             // so many bytes, the most significant first (RFC 8446 section 3.3)
	derLength               // ITU-T X.690 section 8.1.3
	varintLength            // RFC 9000 section 16
)

// NotUnderstood is the Kind of bytes that could not be parsed. The Value of
// such a field says why; what follows it is dissected all the same.
const NotUnderstood = "not_understood"

// End returns the offset just past the field.
func (f Field) End() int { return f.Offset + f.Length }

// IsEmpty reports whether the field is there and has no bytes, such as a vector whose length is 0.
func (f Field) IsEmpty() bool { return f.Length == 0 && f.Value == "" && len(f.Children) == 0 }

// Leaves returns the leaves of the tree, in the order of their bytes.
func (f Field) Leaves() []Field {
	if len(f.Children) == 0 {
		return []Field{f}
	}
	var leaves []Field
	for _, child := range f.Children {
		leaves = append(leaves, child.Leaves()...)
	}
	return leaves
}

// Path returns the fields from f down to the leaf that holds the byte at
// offset, outermost first; nil when offset lies outside f.
func (f Field) Path(offset int) []Field {
	if offset < f.Offset || offset >= f.End() {
		return nil
	}
	path := []Field{f}
	for _, child := range f.Children {
		if below := child.Path(offset); below != nil {
			return append(path, below...)
		}
	}
	return path
}

// Find returns the first field of that kind, searching from the top down in
// the order of the bytes.
func (f Field) Find(kind string) (Field, bool) {
	if f.Kind == kind {
		return f, true
	}
	for _, child := range f.Children {
		if found, ok := child.Find(kind); ok {
			return found, true
		}
	}
	return Field{}, false
}

// find returns the first field of the first kind, in it the first of the second, and so on.
func (f Field) find(kinds []string) (found Field, ok bool) {
	found, ok = f, true
	for _, kind := range kinds {
		if found, ok = found.Find(kind); !ok {
			break
		}
	}
	return found, ok
}

// shifted returns the tree with every offset moved by n.
func (f Field) shifted(n int) Field {
	f.Offset += n
	children := make([]Field, len(f.Children))
	for i, child := range f.Children {
		children[i] = child.shifted(n)
	}
	f.Children = children
	return f
}
