package router

import (
	"bytes"
	"encoding/json"

	"example.com/tlslab/inspect"
)

// Protocol is what the router speaks, for a tap. Each package is a unit: a request, or an
// answer. What is no package, and whatever follows it, is not understood.
var Protocol inspect.Protocol = protocol{}

type protocol struct{}

func (protocol) Name() string           { return "router" }
func (protocol) Reader() inspect.Reader { return new(reader) }

// A reader has a cutter for each side.
type reader [2]cutter

func (r *reader) Next(from inspect.Side, b []byte) (int, inspect.Reading) {
	n := r[from].next(b)
	if n <= len(b) {
		r[from] = cutter{}
	}
	return n, readingOf(from)
}

func (r *reader) Rest(from inspect.Side, b []byte) inspect.Reading {
	if len(bytes.TrimLeft(b, " \t\n\r")) == 0 {
		return space{}
	}
	return readingOf(from)
}

// A reading is that of a package.
type reading struct{ name, kind string }

func readingOf(from inspect.Side) reading {
	if from == inspect.Client {
		return reading{"request", "router.request"}
	}
	return reading{"answer", "router.answer"}
}

func (r reading) Name() string { return r.name }
func (r reading) Text() bool   { return true }

// Fields returns the tree of the JSON text, in which the members that the protocol knows have kinds of its own.
func (r reading) Fields(b []byte) inspect.Field {
	root := inspect.Dissect(b, r.kind, "", func(d *inspect.Dissector) { d.JSON(r.kind, len(b)) })
	if len(root.Children) == 1 && root.Children[0].Kind == r.kind {
		root = root.Children[0]
	}
	for _, object := range root.Children {
		eachMember(object, b, func(name string, value *inspect.Field) {
			if kind, known := kinds[name]; known {
				value.Kind, value.Name, value.RFC = kind, name, ""
			}
			if name == "hashes" {
				eachMember(*value, b, func(_ string, hash *inspect.Field) { hash.Kind, hash.Name, hash.RFC = "router.sha256", "sha256", "" })
			}
		})
	}
	return root
}

// kinds are those of the values of members that the protocol knows.
var kinds = map[string]string{
	"url":      "router.url",
	"token":    "router.token",
	"hostname": "router.hostname",
	"name":     "router.name",
	"code":     "router.code",
	"reason":   "router.reason",
	"message":  "router.message",
	"hashes":   "router.hashes",
	"left_out": "router.left_out",
	"data":     "router.data",
	"flawed":   "router.flawed",
}

// eachMember calls f with the name and the value of each member of an object that is whole. What f makes of
// the value is seen in the object.
func eachMember(object inspect.Field, b []byte, f func(name string, value *inspect.Field)) {
	for _, member := range object.Children {
		if member.Kind != "json.member" || len(member.Children) != 3 {
			continue
		}
		var name string
		if member.Children[2].Kind == inspect.NotUnderstood {
			continue
		}
		if at := member.Children[0]; json.Unmarshal(b[at.Offset:at.End()], &name) == nil {
			f(name, &member.Children[2])
		}
	}
}

// space is what stands behind the last package.
type space struct{}

func (space) Name() string { return "space" }
func (space) Text() bool   { return false }

func (space) Fields(b []byte) inspect.Field {
	return inspect.Dissect(b, "router.space", "", func(d *inspect.Dissector) {
		if len(b) > 0 {
			d.Bytes("json.ws", len(b), " ")
		}
	})
}
