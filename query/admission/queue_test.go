package admission

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func TestQueue(t *testing.T) {
	q := NewQueue(2, 50*time.Millisecond)
	first, err := q.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := q.GoOn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Enter(t.Context()); !errors.Is(err, ErrFull) {
		t.Errorf("the third: %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, enter := range []func(context.Context) (func(), error){q.Enter, q.GoOn} {
		if _, err := enter(canceled); !errors.Is(err, context.Canceled) {
			t.Errorf("one that has gone: %v", err)
		}
	}
	// They come in the order in which they began to wait.
	q = NewQueue(1, time.Minute)
	first()
	second()
	leave, err := q.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	order := make(chan int, 3)
	for i := range 3 {
		go func() {
			leave, err := q.Enter(context.Background())
			if err != nil {
				t.Error(err)
				return
			}
			order <- i
			leave()
		}()
		for q.Waiting() != int64(i+1) {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond) // between its count and its wait
	}
	leave()
	for want := range 3 {
		if got := <-order; got != want {
			t.Errorf("%d came at place %d", got, want)
		}
	}
	var open Queue
	if leave, err := open.Enter(canceled); err != nil {
		t.Error(err)
	} else {
		leave()
	}
}

func TestQueueIsHeld(t *testing.T) {
	q := NewQueue(2, 50*time.Millisecond)
	var full atomic.Bool
	q.Hold = full.Load
	full.Store(true)
	if _, err := q.Enter(t.Context()); !errors.Is(err, ErrNoMemory) {
		t.Errorf("while it is held: %v", err)
	}
	if leave, err := q.GoOn(t.Context()); err != nil { // one that has begun
		t.Error(err)
	} else {
		leave()
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.Enter(canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("one that has gone: %v", err)
	}
	q.patience = time.Minute
	entered := make(chan error)
	go func() {
		_, err := q.Enter(context.Background())
		entered <- err
	}()
	for q.Waiting() != 1 {
		time.Sleep(time.Millisecond)
	}
	full.Store(false)
	if err := <-entered; err != nil {
		t.Error(err)
	}
}
