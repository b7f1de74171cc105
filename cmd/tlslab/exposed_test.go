package main

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"example.com/tlslab/docs"
)

func TestAKeyThatOthersMayReadIsSaid(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file has no such mode there")
	}
	t.Parallel()
	home := t.TempDir()
	show := func() string {
		out, err := tlslab(home, nil, "pki", "--lang", "en").Output()
		noError(t, err)
		return string(out)
	}
	key := filepath.Join(home, "tlslab", "pki", "ca.key")
	said := docs.For("en").Say("cmd_key_exposed", "path", key, "command", "chmod 600 "+key)
	if out := show(); strings.Contains(out, said) {
		t.Errorf("of keys that nobody else may read it is said:\n%s", out)
	}
	noError(t, os.Chmod(key, 0o644))
	if out := show(); strings.Count(out, said+"\n") != 1 {
		t.Errorf("it is not said: %s\n%s", said, out)
	}
	servePairs(t, home, nil, "--db", "memory", "--lang", "en").await(regexp.MustCompile(regexp.QuoteMeta(said)))
}
