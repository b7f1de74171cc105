package inspect

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// DER (ITU-T X.690) writes each element as tag, length and contents. Here an
// element is a parent with a leaf for the tag, a leaf for the length, and what
// its contents are made of. Which elements there are is up to the grammars of
// RFC 5280, RFC 6960 and the like: none of them is read by one that it can
// hold, so that the depth of a tree is bounded, whatever the bytes.

// A derTag is an element's identifier octet (X.690 section 8.1.2).
type derTag uint8

const (
	tagBoolean         derTag = 0x01
	tagInteger         derTag = 0x02
	tagBitString       derTag = 0x03
	tagOctetString     derTag = 0x04
	tagNull            derTag = 0x05
	tagOID             derTag = 0x06
	tagEnumerated      derTag = 0x0a
	tagUTF8String      derTag = 0x0c
	tagNumericString   derTag = 0x12
	tagPrintableString derTag = 0x13
	tagTeletexString   derTag = 0x14
	tagIA5String       derTag = 0x16
	tagUTCTime         derTag = 0x17
	tagGeneralizedTime derTag = 0x18
	tagVisibleString   derTag = 0x1a
	tagUniversalString derTag = 0x1c
	tagBMPString       derTag = 0x1e
	tagSequence        derTag = 0x30
	tagSet             derTag = 0x31
)

// The tags that a grammar writes as [n]: of a primitive type under an implicit
// tag, and of a structure under an implicit or any type under an explicit one.
func primitive(n derTag) derTag   { return 0x80 | n }
func constructed(n derTag) derTag { return 0xa0 | n }

var derTags = map[derTag]string{
	tagBoolean: "BOOLEAN", tagInteger: "INTEGER", tagBitString: "BIT STRING", tagOctetString: "OCTET STRING", tagNull: "NULL",
	tagOID: "OBJECT IDENTIFIER", tagEnumerated: "ENUMERATED", tagUTF8String: "UTF8String", tagNumericString: "NumericString",
	tagPrintableString: "PrintableString", tagTeletexString: "TeletexString", tagIA5String: "IA5String", tagUTCTime: "UTCTime",
	tagGeneralizedTime: "GeneralizedTime", tagVisibleString: "VisibleString", tagUniversalString: "UniversalString",
	tagBMPString: "BMPString", tagSequence: "SEQUENCE", tagSet: "SET",
}

func (t derTag) String() string {
	name := derTags[t]
	if t >= 0x80 && t < 0xc0 {
		name = fmt.Sprintf("[%d]", t&0x1f)
	}
	return strings.TrimSpace(fmt.Sprintf("%s (0x%02x)", name, uint8(t)))
}

// at reports whether the next element has the tag.
func (c *cursor) at(t derTag) bool { return len(c.rest) > 0 && derTag(c.rest[0]) == t }

// element reads an element that must have the tag. Its parent is of that
// kind; parse must read the contents to the end.
func (c *cursor) element(kind string, want derTag, parse func(*cursor)) {
	if c.has(kind, 1) && !c.at(want) {
		c.fail(kind, "%s expected, %s found", want, derTag(c.rest[0]))
	}
	c.anyElement(kind, parse)
}

// anyElement is element for whatever tag there is.
func (c *cursor) anyElement(kind string, parse func(*cursor)) {
	if !c.has(kind, 1) {
		return
	}
	start, outer := len(c.fields), c.rfc
	if section := structures[kind].rfc; section != "" {
		c.rfc = section
	}
	if n, ok := c.derHeader(kind); ok {
		contents := len(c.fields)
		c.within(n, parse)
		c.counted(contents)
	}
	c.fold(kind, start)
	c.last().edit.elastic = !c.failed
	c.rfc = outer
}

// derHeader reads tag and length, of which it knows the contents to be there.
// A length in the long form has up to four octets more; DER allows that form
// only where the short one does not do (X.690 section 10.1), but nothing is
// lost by reading it anyway.
func (c *cursor) derHeader(kind string) (n int, ok bool) {
	const longest, highTag = 4, 0x1f
	if c.rest[0]&highTag == highTag {
		c.fail(kind, "a tag of more than one byte")
		return 0, false
	}
	c.opaque("der.tag", 1, func(b []byte) string { return derTag(b[0]).String() })
	c.last().RFC = "ITU-T X.690 section 8.1.2"
	if !c.has(kind, 1) {
		return 0, false
	}
	size := 1
	if first := c.rest[0]; first >= 0x80 {
		if size += int(first & 0x7f); size == 1 || size > 1+longest {
			c.fail(kind, "a length that DER does not have (0x%02x)", first)
			return 0, false
		}
	}
	octets := c.opaque("der.length", size, nil)
	if octets == nil {
		return 0, false
	}
	long := uint64(octets[0])
	if size > 1 {
		long = 0
		for _, octet := range octets[1:] {
			long = long<<8 | uint64(octet)
		}
	}
	length := c.last()
	length.edit.form = derLength
	length.RFC, length.Value = "ITU-T X.690 section 8.1.3", strconv.FormatUint(long, 10)
	if long > uint64(len(c.rest)) {
		c.fail(kind, "%d bytes expected, %d left", long, len(c.rest))
		return 0, false
	}
	return int(long), true
}

// value reads an element of a type whose contents are one leaf.
func (c *cursor) value(kind string, want derTag, leaf string, format func([]byte) string) (contents []byte) {
	c.element(kind, want, func(c *cursor) { contents = c.remaining(leaf, format) })
	return contents
}

// sequence reads a SEQUENCE.
func (c *cursor) sequence(kind string, parse func(*cursor)) { c.element(kind, tagSequence, parse) }

// sequenceOf reads a SEQUENCE of any number of items, or what has that form
// under another tag.
func (c *cursor) sequenceOf(kind string, want derTag, item func(*cursor)) {
	c.element(kind, want, func(c *cursor) {
		for c.more() {
			item(c)
		}
	})
}

// explicit reads what is wrapped under an explicit tag, if it is there.
func (c *cursor) explicit(kind string, n derTag, inner func(*cursor)) {
	if c.at(constructed(n)) {
		c.element(kind, constructed(n), inner)
	}
}

// integer reads an INTEGER, or what has that form under another tag. Of one
// that is longer than eight bytes the number is not returned.
func (c *cursor) integer(kind string, want derTag, format func(int64) string) (n int64, contents []byte) {
	c.element(kind, want, func(c *cursor) {
		if !c.more() {
			c.fail(kind, "an INTEGER without contents")
			return
		}
		contents = c.remaining("der.integer", integerText)
		if len(contents) > 8 {
			return
		}
		n = int64(int8(contents[0]))
		for _, octet := range contents[1:] {
			n = n<<8 | int64(octet)
		}
		if format != nil {
			c.last().Value = format(n)
		}
	})
	return n, contents
}

// integerText shows a number in decimal, a long one in hex.
func integerText(b []byte) string {
	const longest = 8
	if len(b) <= longest {
		n := int64(int8(b[0]))
		for _, octet := range b[1:] {
			n = n<<8 | int64(octet)
		}
		return strconv.FormatInt(n, 10)
	}
	if b[0] == 0 {
		b = b[1:]
	}
	return "0x" + shortHex(b)
}

// oid reads an OBJECT IDENTIFIER and returns it as in "2.5.4.3"; "" where
// there is none.
func (c *cursor) oid(kind string) (dotted string) {
	c.element(kind, tagOID, func(c *cursor) { dotted = c.oidContents(kind) })
	return dotted
}

func (c *cursor) oidContents(kind string) (dotted string) {
	dotted, ok := oidText(c.rest)
	if !ok {
		c.fail(kind, "not an object identifier")
		return ""
	}
	c.remaining("der.object_identifier", func([]byte) string { return oidLabel(dotted) })
	return dotted
}

// oidText decodes the contents of an OBJECT IDENTIFIER (X.690 section 8.19).
// Of identifiers that are longer than any in use, only the bytes are given.
func oidText(b []byte) (dotted string, ok bool) {
	const longest = 64 // bytes; 2.25 with a UUID takes 20
	if len(b) == 0 || b[len(b)-1] >= 0x80 {
		return "", false
	}
	if len(b) > longest {
		return "0x" + shortHex(b), true
	}
	var arcs []string
	arc := new(big.Int)
	for _, octet := range b {
		arc.Lsh(arc, 7).Or(arc, big.NewInt(int64(octet&0x7f)))
		if octet >= 0x80 {
			continue
		}
		if len(arcs) == 0 { // two arcs in one number
			root := min(arc.Uint64()/40, 2)
			if !arc.IsUint64() {
				root = 2
			}
			arcs = append(arcs, strconv.FormatUint(root, 10))
			arc.Sub(arc, big.NewInt(int64(root*40)))
		}
		arcs = append(arcs, arc.String())
		arc = new(big.Int)
	}
	return strings.Join(arcs, "."), true
}

// boolean reads a BOOLEAN.
func (c *cursor) boolean(kind string) (yes bool) {
	contents := c.value(kind, tagBoolean, "der.boolean", func(b []byte) string {
		switch string(b) {
		case "\x00":
			return "FALSE"
		case "\xff":
			return "TRUE"
		}
		return "not a BOOLEAN of DER: " + shortHex(b)
	})
	return len(contents) == 1 && contents[0] != 0
}

// bitString reads a BIT STRING: how many bits of its last byte do not count,
// and the bytes.
func (c *cursor) bitString(kind string, want derTag, parse func(c *cursor)) {
	c.element(kind, want, func(c *cursor) {
		c.uint("der.unused_bits", 1, nil)
		parse(c)
	})
}

// namedBits reads a BIT STRING of which each bit, counted from the most
// significant, has a name.
func (c *cursor) namedBits(kind string, want derTag, leaf string, names []string) {
	c.bitString(kind, want, func(c *cursor) {
		unused := c.last()
		c.remaining(leaf, func(b []byte) string {
			var set []string
			for i := range min(8*len(b), 2*len(names)) {
				if b[i/8]&(0x80>>(i%8)) == 0 {
					continue
				}
				name := "bit " + strconv.Itoa(i)
				if i < len(names) {
					name = names[i]
				}
				set = append(set, name)
			}
			return strings.Join(set, ", ")
		})
		unused.Value = unused.Value + " unused"
	})
}

// instant reads a UTCTime or GeneralizedTime, or the latter under another tag.
func (c *cursor) instant(kind string, want derTag) (at string) {
	layout := "20060102150405Z"
	if c.at(tagUTCTime) {
		want, layout = tagUTCTime, "060102150405Z"
	}
	c.element(kind, want, func(c *cursor) {
		t, err := time.Parse(layout, string(c.rest))
		if err != nil || len(c.rest) != len(layout) {
			c.fail(kind, "not a time as RFC 5280 section 4.1.2.5 writes it")
			return
		}
		if want == tagUTCTime && t.Year() >= 2050 { // two digits: 1950 to 2049
			t = t.AddDate(-100, 0, 0)
		}
		at = second(t)
		c.remaining("der.time", func([]byte) string { return at })
	})
	return at
}

func second(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// characters reads a string of any of the types for text.
func (c *cursor) characters(kind string) (said string) {
	if !c.has(kind, 1) {
		return ""
	}
	decode := stringTypes[derTag(c.rest[0])]
	if decode == nil {
		c.fail(kind, "a string expected, %s found", derTag(c.rest[0]))
		return ""
	}
	c.anyElement(kind, func(c *cursor) {
		c.remaining("der.string", func(b []byte) string {
			said = text([]byte(decode(b)))
			return said
		})
	})
	return said
}

// stringTypes tells how the types for text write it. A TeletexString is read
// as Latin-1, which is not what the standard says and what most who use it mean.
var stringTypes = map[derTag]func([]byte) string{
	tagUTF8String: ascii, tagNumericString: ascii, tagPrintableString: ascii, tagIA5String: ascii, tagVisibleString: ascii,
	tagTeletexString: func(b []byte) string {
		var said strings.Builder
		for _, octet := range b {
			said.WriteRune(rune(octet))
		}
		return said.String()
	},
	tagBMPString: func(b []byte) string {
		var units []uint16
		for ; len(b) > 1; b = b[2:] {
			units = append(units, uint16(b[0])<<8|uint16(b[1]))
		}
		return string(utf16.Decode(units))
	},
	tagUniversalString: func(b []byte) string {
		var said strings.Builder
		for ; len(b) > 3; b = b[4:] {
			said.WriteRune(rune(b[0])<<24 | rune(b[1])<<16 | rune(b[2])<<8 | rune(b[3]))
		}
		return said.String()
	},
}

func ascii(b []byte) string { return string(b) }
