package kvs_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/store"
)

func TestAFaultThatEveryRequestMeetsIsSaidAFewTimesAndThenCounted(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens.jsonl")
	check(t, os.WriteFile(tokens, []byte("not one\n"), 0o600))
	var said, logged lockedBuffer
	var host *kernel.Server
	t.Run("attack", func(t *testing.T) {
		s := &kvs.Server{Store: new(store.Memory), Access: &kvs.Access{Tokens: kvs.OpenTokens(tokens)}}
		conn := newTalk(t, newLab(t, s, func(k *kernel.Server) {
			host = k
			k.Log = slog.New(slog.NewTextHandler(&logged, nil))
			(&kvs.Screen{Lang: "en", Out: &said}).Watch(k)
		}).dial())
		for range 200 {
			if got := conn.ask("AUTH", "x"); !strings.HasPrefix(got, "-") {
				t.Fatal(got)
			}
		}
	}) // the server has stopped, and told what it had counted
	if n := host.Statistics().RuntimeErrors; n != 200 {
		t.Errorf("%d runtime errors were counted", n)
	}
	if n, more := said.count("Nobody may do anything"), said.count("faults of the server like those said last, within 10 s: 190\n"); n != 10 || more != 1 {
		t.Errorf("it is said %d times, and %d times that there were more", n, more)
	}
	if n, more := logged.count("runtime error"), logged.count("event=runtime_error more=190"); n != 10 || more != 1 {
		t.Errorf("it is logged %d times, and %d times that there were more", n, more)
	}
}
