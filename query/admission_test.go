package query_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/millstream-db/millstream/query"
)

// TestAdmission lets one query work at a time.
func TestAdmission(t *testing.T) {
	ctx := t.Context()
	db, err := query.Open(ctx, "", query.Options{MaxQueries: 1, QueueTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	busy := db.NewSession(query.SessionOptions{Process: 7})
	defer busy.Close()
	run := func(ctx context.Context, s *query.Session, sql string) error {
		st, err := s.Prepare(ctx, sql, nil)
		if err != nil {
			return err
		}
		r, err := s.Execute(ctx, st, nil)
		if err != nil {
			return err
		}
		defer r.Close()
		for {
			if _, err := r.Next(ctx); err != nil {
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}
		}
	}
	canceled, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- run(canceled, busy, "SELECT pg_sleep(60)") }()
	var e *query.Error
	for e == nil { // until the sleeper has its place
		select {
		case err := <-done:
			t.Fatalf("the sleeper: %v", err)
		default:
		}
		// One that has begun before the sleeper waits for it; it is given up.
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		if err := db.Exec(short, "SELECT 1 + 1"); err != nil && !errors.As(err, &e) {
			t.Fatal(err)
		}
		cancel()
		if e != nil && e.Code == query.CodeQueryCanceled {
			e = nil
		}
	}
	if e.Code != query.CodeInsufficientResources {
		t.Errorf("a query that waits: %v", e)
	}
	cancel()
	if err := <-done; !errors.As(err, &e) || e.Code != query.CodeQueryCanceled {
		t.Errorf("the sleeper: %v", err)
	}
	// A result that is not read to its end holds no place.
	st, err := busy.Prepare(ctx, "SELECT * FROM range(1000000)", nil)
	if err != nil {
		t.Fatal(err)
	}
	open, err := busy.Execute(ctx, st, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if _, err := open.Next(ctx); err != nil {
		t.Fatal(err)
	}
	if err := db.Exec(ctx, "SELECT 1 + 1"); err != nil {
		t.Errorf("beside an open result: %v", err)
	}
}
