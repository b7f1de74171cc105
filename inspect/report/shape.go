package report

import (
	"reflect"
	"strings"
)

// A Shape is a JSON object as the lines have it: what it is called, and its keys in order.
type Shape struct {
	Name string
	Keys []Key
}

// A Key is a key of a JSON object, and what stands under it: string, number, boolean, hex (a string of hex digits, or null),
// code (a string such as "0x0303"), time (a string as RFC 3339 has it, or null), object and its name, or one of these in
// brackets, for an array. "or null" follows where null can stand there too.
type Key struct {
	Name     string
	Value    string
	Optional bool // the key may be missing
}

// Shapes returns the shape of each kind of line that [NewJSON] writes, in the order of the manual, each followed by those
// of the objects within it that were not told before.
func Shapes() []Shape {
	return ShapesOf([]Named{
		{"session", sessionJSON{}},
		{"connection", connectionJSON{}},
		{"record", recordJSON{}},
		{"ech of an offer", offeredJSON{}},
		{"ech of an answer", answeredJSON{}},
		{"unit", unitJSON{}},
		{"bytes", bytesJSON{}},
		{"gap", gapLine{}},
		{"error", errorLine{}},
		{"alert", alertLine{}},
		{"closed", closedLine{}},
		{"silence", silenceLine{}},
		{"printed", printedLine{}},
		{"note", noteLine{}},
		{"expired", expiredLine{}},
		{"key", keyLine{}},
		{"verification", verificationLine{}},
		{"endpoint", endpointLine{}},
	})
}

// Named is a value that is written as JSON, and what its object is called.
type Named struct {
	Name  string
	Value any
}

// ShapesOf returns the shapes of values of struct types with json tags, as [Shapes] does.
func ShapesOf(values []Named) []Shape {
	var s shaper
	s.told = make(map[reflect.Type]bool)
	for _, v := range values {
		s.tell(v.Name, reflect.TypeOf(v.Value))
	}
	return s.shapes
}

type shaper struct {
	shapes []Shape
	told   map[reflect.Type]bool
}

func (s *shaper) tell(name string, of reflect.Type) {
	if s.told[of] {
		return
	}
	s.told[of] = true
	at := len(s.shapes)
	s.shapes = append(s.shapes, Shape{Name: name})
	var keys []Key
	for field := range of.Fields() {
		key, rest, _ := strings.Cut(field.Tag.Get("json"), ",")
		value := s.value(field.Type)
		keys = append(keys, Key{key, value, strings.Contains(rest, "omit")})
	}
	s.shapes[at].Keys = keys
}

// value says what a value of the type is in JSON.
func (s *shaper) value(of reflect.Type) string {
	switch of {
	case reflect.TypeFor[hexBytes]():
		return "hex"
	case reflect.TypeFor[jsonTime]():
		return "time"
	case reflect.TypeFor[codePoint]():
		return "code"
	case reflect.TypeFor[optional[int]]():
		return "number or null"
	}
	switch of.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Pointer:
		return s.value(of.Elem()) + " or null"
	case reflect.Slice:
		return "[" + s.value(of.Elem()) + "]"
	case reflect.Struct:
		name := nameOf(of)
		s.tell(name, of)
		return "object " + name
	case reflect.Interface:
		return "object"
	default:
		return "number"
	}
}

// nameOf makes the name of an object of that of its type: fieldJSON is a field, jsonChange a change.
func nameOf(of reflect.Type) string {
	name := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(of.Name(), "json"), "JSON"), "Line")
	return strings.ToLower(name[:1]) + name[1:]
}
