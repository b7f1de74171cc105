package kvs_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"example.com/tlslab/kvs"
)

func TestATokenIsKeptAsItsHashAlone(t *testing.T) {
	tokens := newTokens(t)
	secret, err := tokens.Add("ana", kvs.Writer)
	check(t, err)
	if raw, err := hex.DecodeString(secret); err != nil || len(raw) != 32 {
		t.Errorf("the token is %q", secret)
	}
	content, err := os.ReadFile(tokens.Path())
	check(t, err)
	if hash := fmt.Sprintf("%x", sha256.Sum256([]byte(secret))); strings.Contains(string(content), secret) || !strings.Contains(string(content), hash) {
		t.Errorf("the file holds the token, or not its hash: %s", content)
	}
	if runtime.GOOS != "windows" {
		info, err := os.Stat(tokens.Path())
		check(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
	}
	other, err := tokens.Add("eva", kvs.Reader)
	check(t, err)
	if other == secret {
		t.Error("two tokens are the same")
	}
}

func TestTokensAreAddedListedAndRevokedByManyProcessesAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.jsonl")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			name := fmt.Sprintf("client-%d", i)
			tokens := kvs.OpenTokens(path)
			if _, err := tokens.Add(name, kvs.Reader); err != nil {
				t.Error(err)
			}
			if i%2 == 0 {
				if err := tokens.Revoke(name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	list, err := kvs.OpenTokens(path).List()
	check(t, err)
	if len(list) != 8 {
		t.Errorf("%d tokens, want 8: %v", len(list), list)
	}
}

func TestWhatATokenCannotBeIsRefused(t *testing.T) {
	tokens := newTokens(t)
	for _, name := range []string{"", "default", "a b", ".a", "a\n", "../a", strings.Repeat("a", 65)} {
		if _, err := tokens.Add(name, kvs.Reader); !errors.Is(err, kvs.ErrTokenName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if tokens.Exists() {
		t.Error("a file was made")
	}
	_, err := tokens.Add("ana", kvs.Reader)
	check(t, err)
	if _, err := tokens.Add("ana", kvs.Writer); !errors.Is(err, kvs.ErrTokenExists) {
		t.Errorf("a second token of one name: %v", err)
	}
	if err := tokens.Revoke("eva"); !errors.Is(err, kvs.ErrTokenMissing) {
		t.Errorf("one that is not there is revoked: %v", err)
	}
	check(t, tokens.Revoke("ana"))
	if list, err := tokens.List(); len(list) != 0 || err != nil || !tokens.Exists() {
		t.Errorf("%v, %v", list, err)
	}
	_, err = tokens.Add("ana", kvs.Writer)
	check(t, err)
}

func TestAFileThatIsNotOneOfTokensIsRefusedWithItsLine(t *testing.T) {
	hash := strings.Repeat("0", 64)
	good := `{"name":"ana","role":"reader","sha256":"` + hash + `","since":"2026-01-02T03:04:05Z"}` + "\n"
	for _, bad := range []string{
		"hello\n", "{}\n", "\n",
		strings.Replace(good, "reader", "king", 1), strings.Replace(good, hash, hash[:62], 1), strings.Replace(good, hash, strings.Repeat("x", 64), 1),
		strings.Replace(good, `"role"`, `"rule"`, 1), strings.Replace(good, "ana", "a b", 1), strings.Replace(good, "}\n", "} {}\n", 1),
	} {
		tokens := newTokens(t)
		check(t, os.WriteFile(tokens.Path(), []byte(good+bad), 0o600))
		list, err := tokens.List()
		var damaged *kvs.TokensError
		if !errors.As(err, &damaged) || damaged.Line != 2 || list != nil {
			t.Errorf("%q: %v, %v", bad, list, err)
		}
		if _, err := tokens.Add("eva", kvs.Reader); !errors.As(err, &damaged) {
			t.Errorf("%q: added to it: %v", bad, err)
		}
	}
	tokens := newTokens(t)
	check(t, os.WriteFile(tokens.Path(), []byte(good+`{"name":"eva","ro`), 0o600))
	if list, err := tokens.List(); len(list) != 1 || err != nil {
		t.Errorf("a line that is being written: %v, %v", list, err)
	}
	check(t, os.WriteFile(tokens.Path(), make([]byte, kvs.MaxTokens+1), 0o600))
	var large *kvs.TokensError
	if _, err := tokens.List(); !errors.As(err, &large) || large.Line != 0 {
		t.Errorf("a huge file: %v", err)
	}
}

func FuzzNoFileOfTokensLetsAnyoneInByAccident(f *testing.F) {
	f.Add([]byte(`{"name":"ana","role":"reader","sha256":"` + strings.Repeat("0", 64) + `"}` + "\n" + `{"name":"ana","revoked":"2026-01-02T03:04:05Z"}` + "\n"))
	f.Add([]byte("{\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		tokens := newTokens(t)
		check(t, os.WriteFile(tokens.Path(), content, 0o600))
		list, err := tokens.List()
		if err != nil && list != nil {
			t.Error("tokens from a file that is damaged")
		}
		for _, token := range list {
			if token.Role != kvs.Reader && token.Role != kvs.Writer || token.Name == "" {
				t.Errorf("%+v", token)
			}
		}
	})
}

func newTokens(t *testing.T) *kvs.Tokens {
	return kvs.OpenTokens(filepath.Join(t.TempDir(), "tokens.jsonl"))
}

func TestALastLineOfTokensWithoutAnEndSpoilsNothing(t *testing.T) {
	for _, c := range []struct {
		last string
		good string // the tokens that are good then
	}{
		{`{"name":"half`, "ana eva"},
		{`{"name":"ana","revoked":"2026-01-02T03:04:05Z"}`, "eva"},
	} {
		path := filepath.Join(t.TempDir(), "tokens.jsonl")
		tokens := kvs.OpenTokens(path)
		_, err := tokens.Add("ana", kvs.Writer)
		check(t, err)
		content, err := os.ReadFile(path)
		check(t, err)
		check(t, os.WriteFile(path, append(content, c.last...), 0o600))
		_, err = tokens.Add("eva", kvs.Reader)
		check(t, err)
		list, err := kvs.OpenTokens(path).List()
		check(t, err)
		var names []string
		for _, token := range list {
			names = append(names, token.Name)
		}
		if got := strings.Join(names, " "); got != c.good {
			t.Errorf("after %s the tokens are %s, want %s", c.last, got, c.good)
		}
	}
}
