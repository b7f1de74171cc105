package kernel_test

import (
	"context"
	"errors"
	"testing"

	"example.com/tlslab/kvs/kernel"
)

func TestWhoeverIsToldToWaitHasTheTurnBeforeWhoeverIsToldLater(t *testing.T) {
	var turn kernel.Turn
	ctx := t.Context()
	if err := turn.Take(ctx, func(int) { t.Error("the turn was free") }); err != nil {
		t.Fatal(err)
	}
	const clients = 50
	served := make(chan int, clients)
	for i := range clients {
		told := make(chan int, 1)
		go func() {
			err := turn.Take(ctx, func(ahead int) { told <- ahead })
			if err != nil {
				t.Error(err)
			}
			served <- i
			turn.Give()
		}()
		if ahead := <-told; ahead != i+1 {
			t.Errorf("%d are ahead of the %dth", ahead, i+1)
		}
	}
	turn.Give()
	for want := range clients {
		if got := <-served; got != want {
			t.Fatalf("client %d had the turn of client %d", got, want)
		}
	}
	if err := turn.Take(ctx, func(int) { t.Error("nobody had the turn") }); err != nil {
		t.Error(err)
	}
}

func TestWhoStopsWaitingHoldsNobodyUp(t *testing.T) {
	var turn kernel.Turn
	turn.Take(t.Context(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	told, ended := make(chan int, 2), make(chan error, 2)
	wait := func(ctx context.Context) {
		go func() { ended <- turn.Take(ctx, func(ahead int) { told <- ahead }) }()
		<-told
	}
	wait(ctx)
	wait(t.Context())
	cancel()
	if err := <-ended; !errors.Is(err, kernel.ErrStopping) {
		t.Errorf("the first to wait ended with %v", err)
	}
	turn.Give()
	if err := <-ended; err != nil {
		t.Errorf("the second one got no turn: %v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	turn.Give()
	if err := turn.Take(done, nil); !errors.Is(err, kernel.ErrStopping) {
		t.Errorf("a turn was had by who does not want any: %v", err)
	}
	if err := turn.Take(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
