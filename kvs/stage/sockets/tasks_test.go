package sockets_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/kvs/stage/sockets"
)

func TestTheWarmUpTakesTheSumOfItsTasksInSequenceAndTheLongestAtOnce(t *testing.T) {
	for lang, want := range map[string]string{
		"pt-BR": `uma tarefa depois da outra:
inicio da tarefa 1
fim da tarefa 1
inicio da tarefa 2
fim da tarefa 2
inicio da tarefa 3
fim da tarefa 3
inicio da tarefa 4
fim da tarefa 4
levou 6,5 s; a tarefa 1 terminou primeiro
todas as tarefas ao mesmo tempo:
inicio da tarefa 1
inicio da tarefa 2
inicio da tarefa 3
inicio da tarefa 4
fim da tarefa 4
fim da tarefa 3
fim da tarefa 2
fim da tarefa 1
levou 3,0 s; a tarefa 4 terminou primeiro
`,
		"en": `one task after the other:
start of task 1
end of task 1
start of task 2
end of task 2
start of task 3
end of task 3
start of task 4
end of task 4
it took 6.5 s; task 1 ended first
all tasks at once:
start of task 1
start of task 2
start of task 3
start of task 4
end of task 4
end of task 3
end of task 2
end of task 1
it took 3.0 s; task 4 ended first
`,
	} {
		synctest.Test(t, func(t *testing.T) { // whose clock takes no time
			var screen strings.Builder
			if err := (&sockets.WarmUp{Lang: lang, Screen: &screen}).Run(t.Context()); err != nil {
				t.Error(err)
			}
			if screen.String() != want {
				t.Errorf("got\n%swant\n%s", screen.String(), want)
			}
		})
	}
}

func TestWhatTheWarmUpSaysIsMeasured(t *testing.T) {
	clock := time.Unix(0, 0)
	var screen strings.Builder
	warmUp := &sockets.WarmUp{Screen: &screen, Now: func() time.Time { return clock }, Sleep: func(_ context.Context, d time.Duration) error {
		clock = clock.Add(2 * d) // a machine that is slow
		return nil
	}}
	took, err := warmUp.InSequence(t.Context())
	if err != nil || took != 13*time.Second || !strings.Contains(screen.String(), "it took 13.0 s; task 1 ended first") {
		t.Errorf("%v, %v:\n%s", took, err, screen.String())
	}
}

func TestTheWarmUpCanBeBrokenOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	warmUp := new(sockets.WarmUp)
	if _, err := warmUp.InSequence(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("in sequence: %v", err)
	}
	if _, err := warmUp.AtOnce(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("at once: %v", err)
	}
}
