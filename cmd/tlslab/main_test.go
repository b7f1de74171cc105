package main

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/testdata/needs"
	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"tlslab": mainWithKeys})
}

// mainWithKeys is main, but that the home-made channel's key pairs are there already. The command stage sealed key makes
// one all the same, and so do the clients and servers of stage sealed without --key.
func mainWithKeys() {
	p := newProgram(os.Args)
	p.keys = sealedKeys()
	os.Exit(p.run(os.Args[1:]))
}

// leakChecked is all tests, and then the question whether they left a goroutine behind.
type leakChecked struct{ *testing.M }

// Scripts mostly wait: more of them run at once than there are processors, unless -parallel says how many.
func (m leakChecked) Run() int {
	if err := flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	code := m.M.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		os.Stderr.WriteString(err.Error() + "\n")
		return 1
	}
	return code
}

// Each script in testdata/script/cmd says in its first lines what it holds the program to.
func TestTheProgramDoesWhatItsScriptsSay(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "script", "cmd"),
		Setup:               setup,
		Cmds:                commands,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// setup gives a script a home of its own, and no language but English.
func setup(env *testscript.Env) error {
	clients, err := filepath.Abs(filepath.Join("..", "..", "docs", "manual", "clients"))
	if err != nil {
		return err
	}
	env.Setenv("CLIENTS", clients)
	env.Setenv("KEYS", filepath.Join(clients, "..", "..", "..", "kvs", "stage", "sealed", "testdata"))
	env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
	env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, "data"))
	env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
	env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
	env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, "cache"))
	env.Setenv("PKI", filepath.Join(env.WorkDir, "data", "tlslab", "pki"))
	env.Setenv("LESSON", docs.Lessons()[0])
	env.Setenv("LC_ALL", "")
	env.Setenv("LC_MESSAGES", "")
	env.Setenv("LANG", "")
	env.Setenv("GORACE", "atexit_sleep_ms=10") // of the programs that are run; a second each by default
	env.Values[theTest] = env.T().(testing.TB)
	return nil
}

// theTest finds the testing.TB of a script.
const theTest = "test"

// requireProgram is the command needs PROGRAM: the script is skipped without it, or fails where programs are required.
func requireProgram(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: needs program")
	}
	needs.Program(ts.Value(theTest).(testing.TB), args[0])
}
