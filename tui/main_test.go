package tui

import (
	"context"
	"fmt"
	"os"
	"testing"

	"example.com/tlslab/inspect"
	"go.uber.org/goleak"
)

// childVariable makes this test binary run the screen itself, for tests in a terminal.
const childVariable = "TLSLAB_TUI_CHILD"

func TestMain(m *testing.M) {
	if kind := os.Getenv(childVariable); kind != "" {
		stage := inspect.Stage(echoStage{})
		if kind == "panic" {
			stage = panicStage{}
		}
		err := Run(context.Background(), Options{
			Stage: stage, Lang: os.Getenv("TLSLAB_TUI_LANG"), Theme: os.Getenv("TLSLAB_THEME"),
			ASCII: os.Getenv("TLSLAB_TUI_ASCII") != "", Held: os.Getenv("TLSLAB_TUI_HELD") != "",
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

type panicStage struct{}

func (panicStage) Open(context.Context, *inspect.Tap) (inspect.Play, error) {
	panic("as the test asks")
}
