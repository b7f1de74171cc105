package lesson

import (
	"slices"
	"strings"
	"testing"
)

// countsOf are the counts in words that nothing vouches for on a page with a script.
func countsOf(t *testing.T, prose, script string) (claims []string) {
	t.Helper()
	for _, f := range readLesson(t, "# Title\nminutes: 5\n\n"+prose+"\n\n```script\n"+script+"\n```\n\n## Other\n\nWords.\n\n```script\nexpect different bits of answer and version is seven\n```\n").Faults() {
		if f.Line != 4 || f.GotIn("en") == f.GotIn("pt-BR") {
			t.Errorf("%s: %+v", prose, f)
		}
		claims = append(claims, f.Text)
	}
	return claims
}

func TestACountOfWhatIsOnTheWireNeedsProof(t *testing.T) {
	const flip = "expect different bits of client text and client text received is one\nexpect last 1 of client text received is 0x00"
	for _, c := range []struct{ prose, script, want string }{
		{"It inverts one bit, in the last byte.", flip, ""},
		{"It inverts two bits, in the last byte.", flip, "two bits"},
		{"It inverts one bit, in the first byte.", flip, "first byte"},
		{"It inverts one bit, in the last byte.", strings.Replace(flip, "last 1", "last 2", 1), ""},
		{"It inverts one bit, in the last byte.", "expect last 1 of answer is 0x00", "one bit"},
		{"It inverts a single bit, in the last byte.", flip, ""},
		{"It has two bytes.", "expect size of answer is two", ""},
		{"It has two bytes.", "expect size of answer is 3", "two bytes"},
		{"It has two bytes.", "expect count of client client_hello extensions is two", "two bytes"},
		{"It has two bytes.", "expect client text 2 is answer", "two bytes"},
		{"It has {{two = size of answer}} bytes, two bytes.", "expect answer Ok", ""},
		{"A pair of bytes, a dozen bytes.", "expect answer Ok", "A pair of bytes, a dozen bytes"},
		{"There are two more encrypted records, and one inverted bit.", "expect answer Ok", "one inverted bit"},
		{"There are two encrypted records, and one inverted bit.", "expect answer Ok", "two encrypted records, one inverted bit"},
		{"One round trip, two connections, one alert.", "expect round_trips is 1\nexpect connections is 2", "one alert"},
		{"It is sent twice.", "expect answer Ok", "twice"},
		{"It is sent twice.", "expect count of records of client is 2", ""},
		{"The second record.", "look client record 2", ""},
		{"The second record.", "look client record 3", "second record"},
		{"The third byte.", "expect byte 3 of answer is 0x00", ""},
		{"The third byte.", "expect byte 2 of answer is 0x03", "third byte"},
		{"The {{third = number of byte 1 of answer}} record.", "expect answer Ok", ""},
		{"The third record.", "expect size of answer is 3", "third record"},
		{"The third record.", "expect 3 plus size of answer is 5", "third record"},
		{"The third record.", "expect client text minus 3 is answer", "third record"},
		{"The third record.", "expect first 3 of client text is answer", "third record"},
		{"The third record.", "expect count of records of client is 3", ""},
		{"The third record.", "expect client text row is 3", ""},
		{"The third record.", "expect client text connection is 3", "third record"},
		{"The third connection.", "expect client text connection is 3", ""},
		{"The third connection.", "expect connections is 3", ""},
		{"The third message.", "expect answer is client text 3", ""},
		{"The third line.", "expect lines of answer is 3", ""},
		{"The last record.", "look client record last", ""},
		{"The last record.", "look client record 1", "last record"},
		{"The two bytes of it, one of them, the first of them, two sides, at first, one after the other.", "expect answer Ok", ""},
		{"Inverte dois bits, no primeiro byte.", flip, "dois bits, primeiro byte"},
		{"Inverte um bit, no último byte. Os dois bytes, as duas mensagens.", flip, ""},
		{"Um só bit, uma única mensagem, duas mensagens.", flip, "uma única mensagem, duas mensagens"},
		{"Chega duas vezes, no terceiro registro.", flip, "duas vezes, terceiro registro"},
		{"Zero bytes, no bytes, no byte, no record, nenhum byte, nenhuma mensagem.", "expect answer Ok", "Zero bytes, no bytes, nenhum byte"},
		{"Zero bytes, no bytes, nenhum byte.", "expect size of answer is zero", ""},
		{"A couple of bytes, thrice, double as long, half the bytes, o penúltimo byte, o dobro, uma dezena.", "expect answer Ok", "couple of, thrice, double as, half the bytes, penúltimo, dobro, dezena"},
		{"１６ bytes, ½, x², Ⅳ, ff bytes.", "expect answer Ok", "１６, ½, x², Ⅳ, ff"},
		{"To be bytes, half of the exchange, a server's half, meia letra.", "expect answer Ok", ""},
		{"It was sent two times.", "expect answer Ok", "two times"},
		{"A segunda mensagem, o {{segundo = number of byte 2 of answer}} byte.", "look client record 2", ""},
	} {
		got, want := countsOf(t, c.prose, c.script), strings.Split(c.want, ", ")
		if c.want == "" {
			want = nil
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s (%s): %q, want %q", c.prose, c.script, got, want)
		}
	}
}

func TestWhereNothingIsDoneTheWholeLessonVouches(t *testing.T) {
	const script = "```script\nexpect size of answer is two\n```\n"
	for text, want := range map[string]int{
		"It has two bytes.\n\n## More\n\n" + script:                                                  0,
		"It has two bits.\n\n## More\n\n" + script:                                                   1,
		"It has two bytes.\n\n```script\nexpect answer Ok\n```\n\n## More\n\n" + script:              1,
		"## Two bytes\n\nWords.\n\n```script\nexpect answer Ok\n```\n\n## More\n\nWords.\n" + script: 1,
	} {
		if got := faultsOf(t, text); len(got) != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestBitsThatAreNotTheSameAreCounted(t *testing.T) {
	for text, want := range map[string]string{"0x00 and 0x03": "2", "0x41 and 0x61": "1", "0x0100 and 0x01": "8", "0xff and 0xff": "0"} {
		if v, err := parsed(t, "different bits of "+text)(new(run)); err != nil || v.String() != want {
			t.Errorf("%s: %v, %v, want %s", text, v, err, want)
		}
	}
	if _, err := parsed(t, "different bits of 1 and 0x00")(new(run)); err == nil {
		t.Error("the bits of what has no bytes are counted")
	}
}

func TestACountInWordsIsANumber(t *testing.T) {
	for words, want := range map[string]int{
		"twice": 2, "once": 1, "two times": 2, "a dozen": 12, "a pair of": 2, "a single": 1, "zero": 0, "third": 3, "Twenty": 20,
		"duas vezes": 2, "uma vez": 1, "uma dúzia de": 12, "um par de": 2, "um só": 1, "ambos": 2, "quarto": 4,
	} {
		if v := literalValue(words); !v.Numeric || v.Number != want {
			t.Errorf("%s: %+v, want %d", words, v, want)
		}
	}
	if v := literalValue("twice as much"); v.Numeric {
		t.Error(v)
	}
}
