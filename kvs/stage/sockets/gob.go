package sockets

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"example.com/tlslab/inspect"
)

// The bounds of what is read of a gob.
const (
	maxGobTypes = 16 // definitions in one stream
	maxGobDepth = 12 // structs in structs
)

var (
	errGobLength = errors.New("this is not how a length is written in a gob")
	errGobLimit  = errors.New("the gob is too long")
	errGobCut    = errors.New("the gob ends in the middle of a message")
)

// readGob reads one message of a stream, its length included, of at most limit bytes. Nothing is
// allocated for what is longer.
func readGob(in *bufio.Reader, limit int) ([]byte, error) {
	head := make([]byte, 0, 9)
	for {
		b, err := in.ReadByte()
		if err == io.EOF && len(head) > 0 {
			err = errGobCut
		}
		if err != nil {
			return nil, err
		}
		head = append(head, b)
		n, size, ok := gobUint(head)
		switch {
		case !ok:
			return nil, errGobLength
		case size == 0:
			continue
		case n > uint64(max(0, limit-size)):
			return nil, errGobLimit
		}
		message := append(head, make([]byte, n)...)
		_, err = io.ReadFull(in, message[size:])
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = errGobCut
		}
		return message, err
	}
}

// gobUint reads the unsigned number that b begins with, and how many bytes it has. The size is 0 if more
// of them are needed; ok is false if no number begins so.
//
// A number below 128 is one byte; any other is the negated count of its bytes, and those, the most significant first.
func gobUint(b []byte) (n uint64, size int, ok bool) {
	if len(b) == 0 {
		return 0, 0, true
	}
	if b[0] < 0x80 {
		return uint64(b[0]), 1, true
	}
	count := -int(int8(b[0]))
	switch {
	case count > 8:
		return 0, 0, false
	case len(b) <= count:
		return 0, 0, true
	}
	for _, digit := range b[1 : 1+count] {
		n = n<<8 | uint64(digit)
	}
	return n, 1 + count, true
}

// A gobType is the definition of a type.
type gobType struct {
	form   gobForm
	name   string
	elem   int64 // of a list and of a map
	key    int64 // of a map
	fields []gobFieldType
}

type gobFieldType struct {
	name string
	id   int64
}

type gobForm uint8

const (
	gobOpaque gobForm = iota // encoded by a method of its own
	gobStructForm
	gobListForm
	gobMapForm
)

// gobTypes has types by their numbers.
type gobTypes map[int64]*gobType

// The numbers of the types that need no definition.
const (
	gobBool      = 1
	gobInt       = 2
	gobUnsigned  = 3
	gobFloat     = 4
	gobBytes     = 5
	gobString    = 6
	gobComplex   = 7
	gobInterface = 8
	gobWireType  = 16 // the type of a definition
	gobTypeID    = -1 // here: an int that is the number of a type
)

var basicTypes = map[int64]string{
	gobBool: "bool", gobInt: "int", gobUnsigned: "uint", gobFloat: "float", gobBytes: "[]byte", gobString: "string", gobComplex: "complex",
	gobInterface: "interface",
}

// definitionTypes are the types that a definition is made of, as package gob has them: they are known to both sides.
var definitionTypes = gobTypes{
	gobWireType: {form: gobStructForm, name: "wireType", fields: []gobFieldType{
		{"ArrayT", 17}, {"SliceT", 19}, {"StructT", 20}, {"MapT", 23}, {"GobEncoderT", 24}, {"BinaryMarshalerT", 24}, {"TextMarshalerT", 24},
	}},
	17: {form: gobStructForm, name: "arrayType", fields: []gobFieldType{{"CommonType", 18}, {"Elem", gobTypeID}, {"Len", gobInt}}},
	18: {form: gobStructForm, name: "CommonType", fields: []gobFieldType{{"Name", gobString}, {"Id", gobTypeID}}},
	19: {form: gobStructForm, name: "sliceType", fields: []gobFieldType{{"CommonType", 18}, {"Elem", gobTypeID}}},
	20: {form: gobStructForm, name: "structType", fields: []gobFieldType{{"CommonType", 18}, {"Field", 22}}},
	21: {form: gobStructForm, name: "fieldType", fields: []gobFieldType{{"Name", gobString}, {"Id", gobTypeID}}},
	22: {form: gobListForm, name: "[]fieldType", elem: 21},
	23: {form: gobStructForm, name: "mapType", fields: []gobFieldType{{"CommonType", 18}, {"Key", gobTypeID}, {"Elem", gobTypeID}}},
	24: {form: gobStructForm, name: "gobEncoderType", fields: []gobFieldType{{"CommonType", 18}}},
}

func (t gobTypes) find(id int64) *gobType {
	if known := definitionTypes[id]; known != nil {
		return known
	}
	return t[id]
}

// name returns the name of a type.
func (t gobTypes) name(id int64) string {
	if name, ok := basicTypes[id]; ok {
		return name
	}
	if known := t.find(id); known != nil && known.name != "" {
		return known.name
	}
	return fmt.Sprintf("type %d", id)
}

// describe returns the name of a type, and of a struct the fields, as in "Product{Code string}".
func (t gobTypes) describe(id int64) string {
	known := t.find(id)
	if known == nil || known.form != gobStructForm {
		return t.name(id)
	}
	fields := make([]string, len(known.fields))
	for i, f := range known.fields {
		fields[i] = f.name + " " + t.name(f.id)
	}
	return t.name(id) + "{" + strings.Join(fields, ", ") + "}"
}

// write returns a value with its type's name, as in `Product{Code: "7", Price: 2.5}`: of a struct the fields that were
// sent, in the type's order.
func (t gobTypes) write(id int64, value any) string {
	switch value := value.(type) {
	case nil:
		return t.name(id)
	case string:
		return `"` + cut(value) + `"`
	case []any:
		element := int64(0)
		if known := t.find(id); known != nil {
			element = known.elem
		}
		items := make([]string, len(value))
		for i, item := range value {
			items[i] = t.write(element, item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case gobStruct:
		known := t.find(id)
		if known == nil {
			return t.name(id)
		}
		var fields []string
		for _, f := range known.fields {
			if sent, ok := value[f.name]; ok {
				fields = append(fields, f.name+": "+t.write(f.id, sent))
			}
		}
		return t.name(id) + "{" + strings.Join(fields, ", ") + "}"
	}
	return fmt.Sprint(value)
}

// A gobMessage is what there is in one message.
type gobMessage struct {
	defined int64 // the number of the type that is defined, or 0
	id      int64 // the number of the type of the value
	value   any   // bool, int64, uint64, float64, string, []byte, complex128, []any or gobStruct; of any other nil
	broken  bool  // not all of it is understood
}

// A gobStruct has the values of the fields that were sent: those that are not zero.
type gobStruct map[string]any

// examineGob reads a message, and adds the type that it defines to types.
func examineGob(message []byte, types gobTypes) gobMessage {
	_, seen := dissectGob(message, types)
	if seen.defined != 0 && !seen.broken {
		types[seen.defined] = definedType(seen.value)
	}
	return seen
}

// definedType returns what a definition says.
func definedType(value any) *gobType {
	wire, _ := value.(gobStruct)
	for form, body := range wire {
		definition, _ := body.(gobStruct)
		common, _ := definition["CommonType"].(gobStruct)
		name, _ := common["Name"].(string)
		elem, _ := definition["Elem"].(int64)
		key, _ := definition["Key"].(int64)
		t := &gobType{name: name, elem: elem, key: key}
		switch form {
		case "ArrayT", "SliceT":
			t.form = gobListForm
		case "MapT":
			t.form = gobMapForm
		case "StructT":
			t.form = gobStructForm
			fields, _ := definition["Field"].([]any)
			for _, f := range fields {
				f, _ := f.(gobStruct)
				name, _ := f["Name"].(string)
				id, _ := f["Id"].(int64)
				t.fields = append(t.fields, gobFieldType{name, id})
			}
		}
		return t
	}
	return new(gobType)
}

// dissectGob returns the tree of a message, and what it says. The types are those that were defined before it.
func dissectGob(message []byte, types gobTypes) (root inspect.Field, seen gobMessage) {
	g := &gobReader{types: types}
	kind := "gob.value"
	if len(message) > 0 && isDefinition(message) {
		kind = "gob.definition"
	}
	root = inspect.Dissect(message, kind, "package encoding/gob", func(d *inspect.Dissector) {
		g.Dissector = d
		length := g.uint("gob.length", strconv.FormatUint)
		if length != uint64(len(d.Rest())) {
			g.fail("gob.length", "the length does not fit the bytes that follow")
			return
		}
		id := g.typeID()
		if id < 0 {
			seen.defined, seen.value = -id, g.value(gobWireType, maxGobDepth)
			return
		}
		seen.id = id
		if known := types.find(id); known == nil || known.form != gobStructForm {
			g.zero()
		}
		seen.value = g.value(id, maxGobDepth)
	})
	seen.broken = g.failed || root.Length == 0
	if _, strange := root.Find(inspect.NotUnderstood); strange {
		seen.broken = true
	}
	return root, seen
}

// isDefinition reports whether a message defines a type: the number of the type is negative.
func isDefinition(message []byte) bool {
	_, size, ok := gobUint(message)
	if !ok || size == 0 {
		return false
	}
	id, size, ok := gobUint(message[size:])
	return ok && size > 0 && id&1 == 1
}

// A gobReader reads values, and makes fields of them.
type gobReader struct {
	*inspect.Dissector
	types  gobTypes
	failed bool
}

func (g *gobReader) fail(kind, why string) {
	g.failed = true
	g.Fail(kind, why)
}

// uint reads an unsigned number, shown as show does in base 10.
func (g *gobReader) uint(kind string, show func(uint64, int) string) uint64 {
	n, size, ok := gobUint(g.Rest())
	if g.failed || !ok || size == 0 {
		g.fail(kind, "a number should stand here")
		return 0
	}
	g.Bytes(kind, size, show(n, 10))
	return n
}

// signed makes the signed number of an unsigned one: the last bit says whether the others are complemented.
func signed(n uint64) int64 {
	if n&1 == 1 {
		return ^int64(n >> 1)
	}
	return int64(n >> 1)
}

// typeID reads the number of a type, which is negative where the type is defined.
func (g *gobReader) typeID() int64 {
	return signed(g.uint("gob.type_id", func(n uint64, _ int) string {
		id := signed(n)
		if basicTypes[id] == "" && g.types.find(id) == nil {
			return strconv.FormatInt(id, 10)
		}
		return fmt.Sprintf("%d (%s)", id, g.types.name(id))
	}))
}

// zero reads the byte that stands before a value which is no struct.
func (g *gobReader) zero() {
	if rest := g.Rest(); len(rest) == 0 || rest[0] != 0 {
		g.fail("gob.zero", "a zero byte should stand here")
		return
	}
	g.Bytes("gob.zero", 1, "0")
}

// value reads a value of a type.
func (g *gobReader) value(id int64, depth int) any {
	switch {
	case g.failed:
		return nil
	case depth == 0:
		g.fail("gob.value", "nested too deep")
		return nil
	}
	switch id {
	case gobBool:
		return g.uint("gob.bool", func(n uint64, _ int) string { return strconv.FormatBool(n != 0) }) != 0
	case gobInt:
		return signed(g.uint("gob.int", func(n uint64, base int) string { return strconv.FormatInt(signed(n), base) }))
	case gobTypeID:
		return g.typeID()
	case gobUnsigned:
		return g.uint("gob.uint", strconv.FormatUint)
	case gobFloat:
		return g.float()
	case gobComplex:
		re := g.float()
		return complex(re, g.float())
	case gobString:
		return string(g.counted("gob.text", g.text))
	case gobBytes:
		return g.counted("gob.data", g.data)
	case gobInterface:
		return g.dynamic()
	}
	known := g.types.find(id)
	if known == nil {
		g.fail("gob.value", fmt.Sprintf("type %d was not defined", id))
		return nil
	}
	switch known.form {
	case gobStructForm:
		return g.fields(known, depth)
	case gobListForm:
		return g.list(known, depth)
	case gobMapForm:
		return g.pairs(known, depth)
	}
	return g.counted("gob.data", g.data)
}

// float reads a number whose bytes stand in reverse: sign, exponent and the first digits, which
// are seldom zero, come last, and the zeros before them need not be sent.
func (g *gobReader) float() float64 {
	value := func(n uint64) float64 { return math.Float64frombits(bits.ReverseBytes64(n)) }
	return value(g.uint("gob.float", func(n uint64, _ int) string { return strconv.FormatFloat(value(n), 'g', -1, 64) }))
}

// counted reads a count and as many bytes.
func (g *gobReader) counted(kind string, read func(kind string, n int) []byte) []byte {
	n := g.count()
	if g.failed {
		return nil
	}
	if n == 0 {
		return []byte{}
	}
	return read(kind, n)
}

// text reads a string. It is not to be given another length, since nothing would count it anew.
func (g *gobReader) text(kind string, n int) []byte {
	return g.Bytes(kind, n, cut(string(g.Rest()[:n])))
}

func (g *gobReader) data(kind string, n int) []byte { return g.Bytes(kind, n, "") }

// count reads how many bytes or elements follow; there are at least as many bytes.
func (g *gobReader) count() int {
	n := g.uint("gob.count", strconv.FormatUint)
	if !g.failed && n > uint64(len(g.Rest())) {
		g.fail("gob.count", "more is announced than there is")
	}
	return int(n)
}

// fields reads a struct: of each field that is not zero how many fields it is further than the one before, and its value; and a zero byte.
func (g *gobReader) fields(t *gobType, depth int) gobStruct {
	object := make(gobStruct)
	g.Group("gob.struct", func(*inspect.Dissector) {
		at := -1
		for !g.failed {
			if rest := g.Rest(); len(rest) > 0 && rest[0] == 0 {
				g.Bytes("gob.end", 1, "0")
				return
			}
			g.Group("gob.field", func(*inspect.Dissector) {
				delta := g.uint("gob.delta", func(n uint64, _ int) string { return g.fieldName(t, at, n) })
				if g.failed {
					return
				}
				if !t.has(at, delta) {
					g.fail("gob.delta", "the type has no such field")
					return
				}
				at += int(delta)
				object[t.fields[at].name] = g.value(t.fields[at].id, depth-1)
			})
		}
	})
	return object
}

// has reports whether the type has a field that is so many fields further than the one at index at.
func (t *gobType) has(at int, delta uint64) bool {
	return 0 < delta && delta <= uint64(len(t.fields)-1-at)
}

func (g *gobReader) fieldName(t *gobType, at int, delta uint64) string {
	if !t.has(at, delta) {
		return strconv.FormatUint(delta, 10)
	}
	return fmt.Sprintf("+%d: %s", delta, t.fields[at+int(delta)].name)
}

func (g *gobReader) list(t *gobType, depth int) []any {
	var list []any
	g.Group("gob.list", func(*inspect.Dissector) {
		for range g.count() {
			if list = append(list, g.value(t.elem, depth-1)); g.failed {
				return
			}
		}
	})
	return list
}

func (g *gobReader) pairs(t *gobType, depth int) any {
	g.Group("gob.map", func(*inspect.Dissector) {
		for range g.count() {
			g.value(t.key, depth-1)
			if g.value(t.elem, depth-1); g.failed {
				return
			}
		}
	})
	return nil
}

// dynamic reads a value of an interface: the name under which its type is registered, the number
// of the type, and its bytes, which are not taken apart.
func (g *gobReader) dynamic() any {
	g.Group("gob.interface", func(*inspect.Dissector) {
		if len(g.counted("gob.text", g.text)) == 0 {
			return // nil
		}
		g.typeID()
		g.counted("gob.data", g.data)
	})
	return nil
}
