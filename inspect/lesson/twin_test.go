package lesson

import (
	"strings"
	"testing"

	"example.com/tlslab/docs"
)

func TestTheTwoLanguagesOfALessonHaveTheSameWordsInEachBlock(t *testing.T) {
	const head = "# Title\nminutes: 5\n\n"
	const words = "The is of the of. " // in English
	const palavras = "O que de que. "  // in Portuguese
	for _, of := range []struct{ english, portuguese, wrong string }{
		{"The client speaks first.", "O cliente fala primeiro.", ""},
		{"The client speaks first.", "O servidor fala primeiro.", "servidor | client"},
		{"The client speaks first.", "O cliente fala por último.", "último | first"},
		{"The ServerHello comes before the Finished.", "Antes do Finished vem o ServerHello.", ""},
		{"The ServerHello comes before the Finished.", "O ServerHello vem depois do Finished.", "depois do | before"},
		{"The sequence number, the type, the tag.", "O número de sequência, a etiqueta, o tipo.", ""}, // a type is often no part
		{"The header, the nonce, the tag.", "O cabeçalho, a etiqueta, o nonce.", "cabeçalho, etiqueta, nonce | header, nonce, tag"},
		{"The client asks the server.", "O servidor pergunta ao cliente.", "servidor, cliente | client, server"},
		{"Both sent it twice.", "Ambos o enviaram duas vezes.", ""},
		{"It was sent twice.", "Foi enviado uma vez.", "no word | twice"},
		{"In no case more: no other.", "No caso, outro.", ""},
		{"The tag is longer.", "A etiqueta (em inglês, tag) é mais longa.", ""},
		{"The tag is longer.", "A etiqueta é mais curta.", "mais curta | longer"},
		{"It is no longer there.", "Já não está lá.", ""},
		{"{{The client is first when noticed is client}}.", "{{O cliente é o primeiro when noticed is client}}.", ""},
		{"One.\n\nTwo blocks.", "Um.", "blocks"},
	} {
		english, portuguese := readLesson(t, head+words+of.english+"\n"), readLesson(t, head+palavras+of.portuguese+"\n")
		faults := Unlike(english, portuguese)
		here, there, two := strings.Cut(of.wrong, " | ")
		switch {
		case of.wrong == "" && len(faults) == 0:
		case len(faults) != 1:
			t.Errorf("%s / %s: %+v", of.english, of.portuguese, faults)
		case two && !strings.Contains(faults[0].GotIn(docs.English), "here "+here+"; in the other language, in line 4, "+there+"."):
			t.Errorf("%s / %s: %s", of.english, of.portuguese, faults[0].Got)
		}
	}
}

func TestTheTwoLanguagesOfALessonComputeTheSameInEachBlockInOneSequence(t *testing.T) {
	const head = "# Title\nminutes: 5\n\n"
	for _, of := range []struct{ english, portuguese, id string }{
		{"The {{first 4 of \"abcd\"}}, of {{Ok = answer}}.", "O {{first 4 of \"dcba\"}}, que {{Certo = answer}}.", ""},
		{"The {{answer}}, of {{version}}.", "O {{version}}, que {{answer}}.", "fault_same_value"},
		{"The {{answer}} of that.", "O {{version}} de que.", "fault_same_value"},
		{"The {{answer}} of {{version}}.", "O {{answer}} de que.", "fault_same_missing"},
		{"The {{answer}} of that.", "O {{answer}} de {{version}}.", "fault_same_added"},
		{"{{The client notices when noticed is client}}.", "{{O cliente percebe when noticed is server}}.", "fault_same_value"},
		{"The {{answer}}.\n\nThe {{version}}.", "O {{version}}.\n\nO {{answer}}.", "fault_same_value"},
	} {
		var id string
		if faults := Unlike(readLesson(t, head+of.english+"\n"), readLesson(t, head+of.portuguese+"\n")); faults != nil {
			id = faults[0].remark.id
		}
		if id != of.id {
			t.Errorf("%s / %s: %q, want %q", of.english, of.portuguese, id, of.id)
		}
	}
}

func TestTheTwoLanguagesOfALessonTypeTheSame(t *testing.T) {
	lesson := func(prose string) *Lesson {
		return readLesson(t, "# Title\nminutes: 5\n\n```script\nopen kv\ndo create nome ana\ndo read nome\n```\n\n"+prose+"\n")
	}
	for _, of := range []struct{ english, portuguese, id string }{
		{"Press `e`, then `s`.", "Tecle `e`, depois `s`.", ""},
		{"Press `e`, then `s`.", "Tecle `s`, depois `e`.", "fault_same_typed"},
		{"Press `e`.", "Tecle e.", "fault_same_typed"},
		{"Type `say 'hello'`.", "Digite `say 'olá'`.", ""},
		{"It is *create*, *the name*.", "É *create*, *o valor*.", ""},
		{"It is *create*, then *read*.", "É *read*, depois *create*.", "fault_same_typed"},
		{"It is an *inner type*, of *b*.", "É um *tipo interno*, de *b*.", ""},
		{"It is of *b*.", "É de *é*.", "fault_same_typed"},
		{"{{The client presses `e` when noticed is client}}.", "{{O cliente tecla `s` when noticed is client}}.", "fault_same_typed"},
	} {
		var id string
		if faults := Unlike(lesson(of.english), lesson(of.portuguese)); faults != nil {
			id = faults[0].remark.id
		}
		if id != of.id {
			t.Errorf("%s / %s: %q, want %q", of.english, of.portuguese, id, of.id)
		}
	}
}

func TestTheTwoLanguagesOfALessonCiteTheSameAndNameTheSame(t *testing.T) {
	for _, of := range []struct{ english, portuguese, wrong string }{
		{"It is there (RFC 8446 sections 4.1.2 and 4.1.3, appendix E).", "Está lá (RFC 8446, seções 4.1.2 e 4.1.3, apêndice E).", ""},
		{"It is there (RFC 8446 section 4.4.4).", "Está lá (RFC 8446, seção 4.4.3).", "8446, 4.4.3 | 8446, 4.4.4"},
		{"It is there (RFC 8446).", "Está lá (RFC 5246).", "5246 | 8446"},
		{"It is there (RFC 8446 appendix B.4).", "Está lá (RFC 8446, apêndice C.4).", "C.4 | B.4"},
		{"It is there (RFC 8446).", "Está lá.", "no word | 8446"},
		{"By RFC 20 and RFC 3629.", "Pela RFC 3629 e pela RFC 20.", "3629, 20 | 20, 3629"},
		{"HKDF-Extract is an HMAC.", "O HKDF-Extract é um HMAC.", ""},
		{"It is an authenticated one, an AEAD.", "É uma autenticada (em inglês, *authenticated*, AEAD).", ""},
		{"It is an AEAD.", "É um HMAC.", "HMAC | AEAD"},
		{"It is HKDF-Extract.", "É o HKDF-Expand.", "HKDF-Expand | HKDF-Extract"},
		{"It is in subjectAltName.", "Está em issuer.", "no word | subjectAltName"},
		{"It is X25519, then ML-KEM.", "É o ML-KEM, depois o X25519.", "ML-KEM, X25519 | X25519, ML-KEM"},
		{"A MAC.", "Uma assinatura.", "no word | MAC"},
	} {
		checkTwins(t, of.english, of.portuguese, of.wrong)
	}
}

func TestTheCourseSaysTheSameInBothLanguages(t *testing.T) {
	for _, name := range docs.Lessons() {
		var both []*Lesson
		for _, lang := range []string{docs.English, docs.Portuguese} {
			text, _ := docs.Lesson(lang, name)
			l := readLesson(t, text)
			if l.portuguese() != (lang == docs.Portuguese) {
				t.Errorf("%s/%s is not taken for its language", lang, name)
			}
			both = append(both, l)
		}
		if err := Same(both[0], both[1]); err != nil {
			t.Error(err)
		}
		for _, unlike := range Unlike(both[0], both[1]) {
			t.Errorf("%s:%d: %s: %s", name, unlike.Line, unlike.Text, unlike.Got)
		}
	}
}
