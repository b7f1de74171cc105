package docs_test

import (
	"fmt"

	"example.com/tlslab/docs"
)

func Example() {
	for _, lang := range []string{"en", "pt_BR.UTF-8", "fr"} {
		s := docs.For(lang)
		fmt.Println(s.Lang(), s.Say("docs_language"))
	}
	fmt.Println(docs.For("pt-BR").Say("docs_no_such_sentence"))
	// Output:
	// en English
	// pt-BR português do Brasil
	// en English
	// «docs_no_such_sentence»
}
