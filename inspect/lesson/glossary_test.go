package lesson

import (
	"strings"
	"testing"
)

func TestNoWordOfTheGlossaryStandsThereTwiceInALanguage(t *testing.T) {
	for _, language := range []func(term) string{func(t term) string { return t.english }, func(t term) string { return t.portuguese }} {
		seen := make(map[string]bool)
		for _, row := range glossary {
			for _, term := range row {
				for word := range strings.SplitSeq(language(term), "|") {
					if word == "" || seen[word] {
						t.Errorf("%q stands there twice, or is empty", word)
					}
					seen[word] = true
				}
			}
		}
	}
}

func TestNeitherLanguageHasAnotherWordOfARowInThePlaceOfOne(t *testing.T) {
	for _, of := range []struct{ english, portuguese, wrong string }{
		{"Its length goes in clear, the text encrypted.", "O tamanho vai em claro; o texto, cifrado.", ""},
		{"Its length goes in clear, the text encrypted.", "O tamanho vai cifrado; o texto, em claro.", "cifrado, em claro | in clear, encrypted"},
		{"Its length goes in clear.", "O tamanho vai cifrado.", "cifrado | in clear"},
		{"The key is there, the record as well.", "A chave está lá, e o registro também: a chave.", ""}, // one has a pronoun
		{"The key is there, the record as well.", "A chave está lá, e a mensagem também.", "mensagem | record"},
		{"It sends the request back unchanged.", "Ele devolve o pedido inalterado.", ""},
		{"It sends the request back unchanged.", "Ele devolve o pedido alterado.", "alterado | unchanged"},
		{"It encrypts with its public key.", "Ele cifra com a chave privada.", "privada | public"},
		{"It is the transcript hash of the handshake.", "É o hash da transcrição do handshake.", ""},
		{"On the left the text, on the right the bytes.", "À esquerda o texto, à direita os bytes.", ""},
		{"On the left the text, on the right the bytes.", "À direita o texto, à esquerda os bytes.", "direita, esquerda | on the left, on the right"},
		{"Somebody, the issuer, vouches for it.", "Alguém, o titular, responde por isso.", "titular | issuer"},
		{"It ends with a line feed.", "Termina com um retorno de carro.", "retorno de carro | line feed"},
		{"It sends it with a ticket.", "Ele o envia com um cookie.", "cookie | ticket"},
		{"It inverts a bit.", "Ele apaga um bit.", "apaga | inverts"},
		{"It then knows it.", "Então ele o adivinha.", "adivinha | knows"},
		{"A signature is missing.", "Sobra uma assinatura.", "sobra | missing"},
		{"A good one.", "Uma má.", "má | good"},
		{"It is combined by addition.", "Combina-se por ou exclusivo.", "ou exclusivo | addition"},
		{"This ends the server.", "Isso reinicia o servidor.", "reinicia | ends"},
		{"`read` is in clear.", "`write` vai em claro.", "typed"}, // code is not words
	} {
		checkTwins(t, of.english, of.portuguese, of.wrong)
	}
}

func TestTheTwoLanguagesSayEquallyOftenThatSomethingIsNotSo(t *testing.T) {
	for _, of := range []struct{ english, portuguese, wrong string }{
		{"It does not know the key.", "Ele não conhece a chave.", ""},
		{"It does not know the key.", "Ele conhece a chave.", "0 1"},
		{"It never knows.", "Ele sabe.", "0 1"},
		{"Nobody has noticed anything.", "Ninguém percebeu nada.", ""},
		{"It says nothing, and it has no key at all.", "Não diz nada, e não tem chave nenhuma.", ""},
		{"It sent no secret, and none of its text.", "Ele não enviou segredo nenhum, nem nada do seu texto.", ""},
		{"No key, and none of the bytes.", "Nenhuma chave e nenhum dos bytes.", ""},
		{"Without the key, nobody can read it.", "Sem a chave, ninguém consegue ler.", ""},
		{"It isn't there, unless it was sent.", "Não está lá, a não ser que tenha sido enviado.", ""},
		{"Nobody can change it unnoticed.", "Ninguém consegue alterá-lo sem que se perceba.", ""},
	} {
		checkTwins(t, of.english, of.portuguese, of.wrong)
	}
}

// checkTwins holds two languages of a paragraph to each other; wrong is what each of them has, "" if nothing is wrong.
func checkTwins(t *testing.T, english, portuguese, wrong string) {
	t.Helper()
	const head = "# Title\nminutes: 5\n\n"
	faults := Unlike(readLesson(t, head+"The is of the of. "+english+"\n"), readLesson(t, head+"O que de que. "+portuguese+"\n"))
	if wrong == "" && len(faults) == 0 {
		return
	}
	if len(faults) != 1 || wrong == "" {
		t.Errorf("%s / %s: %+v, want %q", english, portuguese, faults, wrong)
		return
	}
	said := faults[0].GotIn("en")
	for part := range strings.SplitSeq(strings.NewReplacer(" | ", "|", "0 1", "here it is said 0 times|line 4, 1 times", "typed", "What stands between backquotes").Replace(wrong), "|") {
		if !strings.Contains(said, part) {
			t.Errorf("%s / %s: %s, want %q", english, portuguese, said, part)
		}
	}
}
