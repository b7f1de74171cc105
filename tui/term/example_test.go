package term_test

import (
	"fmt"

	"example.com/tlslab/tui/term"
)

func ExampleFromEnvironment() {
	environment := map[string]string{"COLORFGBG": "0;15"} // black on white
	fmt.Println(term.FromEnvironment(func(name string) string { return environment[name] }))
	// Output: light
}
