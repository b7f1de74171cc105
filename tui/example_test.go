package tui_test

import (
	"context"
	"fmt"

	"example.com/tlslab/inspect"
	"example.com/tlslab/tui"
)

// A server's connections, watched as they come: every connection of tap's listener shows on the screen.
func ExampleRun() {
	tap := inspect.NewTap()
	err := tui.Run(context.Background(), tui.Options{Recording: tap.Recording(), Title: "my server"})
	if err != nil {
		fmt.Println(err)
	}
}
