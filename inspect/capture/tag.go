package capture

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// Some comments say what the next reader of the file must know to show the same
// session, in whatever language they were written: they end in what they say as
// JSON, as in
//
//	the connection speaks upper, and not TLS [tlslab ["capture_protocol","protocol","upper"]]
//
// A file may claim in this way what it likes, as in its packets: only what Noted
// can say of a capture, or an Undeliverable of a length, is taken from it.
const tagBegin, tagEnd = " [tlslab ", "]"

// What comments say besides what a recording notes of itself.
const (
	protocolKey      = "capture_protocol"      // what the connection speaks
	bareKey          = "capture_bare"          // bytes that someone copied: see [inspect.Opening]
	lateKey          = "capture_late"          // it had begun before the capture did
	lostKey          = "capture_lost"          // what is missing of the packet was never captured
	undeliverableKey = "capture_undeliverable" // how many bytes, of what a side had sent last, could not be handed over
)

// tagged puts what the text says behind it.
func tagged(text, key string, data ...any) string {
	var list bytes.Buffer
	encoder := json.NewEncoder(&list)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(append([]any{key}, data...)); err != nil {
		return text
	}
	return text + tagBegin + strings.TrimSuffix(list.String(), "\n") + tagEnd
}

// untagged returns what a comment of ours says; ok is false for any other.
func untagged(comment string) (said inspect.Reason, ok bool) {
	at := strings.LastIndex(comment, tagBegin)
	if at < 0 || !strings.HasSuffix(comment, tagEnd) {
		return said, false
	}
	list := strings.TrimSuffix(comment[at+len(tagBegin):], tagEnd)
	var data []any
	decoder := json.NewDecoder(strings.NewReader(list))
	decoder.UseNumber()
	if err := decoder.Decode(&data); err != nil || len(data)%2 == 0 {
		return said, false
	}
	key, isText := data[0].(string)
	if !isText || !mayTag(key) {
		return said, false
	}
	for i, datum := range data[1:] {
		switch datum := datum.(type) {
		case string:
			data[1+i] = inspect.SafeOnce(datum)
		case json.Number:
			n, err := datum.Int64()
			if err != nil {
				return said, false
			}
			data[1+i] = int(n)
		default:
			return said, false
		}
	}
	if len(data) == 1 {
		return inspect.Reason{Key: key}, true
	}
	return inspect.Reason{Key: key, Data: data[1:]}, true
}

// mayTag reports whether a comment may say so: what readers and taps note.
func mayTag(key string) bool {
	if key == bareKey || key == lateKey || key == lostKey {
		return true
	}
	notes := slices.ContainsFunc([]string{"capture_", "server_"}, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
	return notes && key != commentKey && key != quoteKey && inspect.Reason{Key: key}.String() != ""
}
