package duck

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestSignal sends signals with and without what they need: one that lacks its
// process or its argument is sent to nobody.
func TestSignal(t *testing.T) {
	var sent []string
	_, c := openWith(t, Options{Threads: 1, Signal: func(s Signal, process int32, argument float64) bool {
		sent = append(sent, fmt.Sprint(s, process, argument))
		return process == 7
	}})
	rows, err := c.Query(context.Background(), "SELECT string_agg(coalesce(ms_signal(kind, process, argument)::VARCHAR, 'NULL'), ' ' ORDER BY n) "+
		"FROM (VALUES (1, 0, 7, 1.5), (2, 1, 8, 2), (3, 2, NULL, 3), (4, 2, 7, NULL)) v(n, kind, process, argument)")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got string
	if _, err := rows.Next(); err != nil {
		t.Fatal(err)
	}
	if err := rows.Scan(&got); err != nil {
		t.Fatal(err)
	}
	if want := "true false NULL NULL"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := strings.Join(sent, ", "), "0 7 1.5, 1 8 2"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

// TestCanceledInAFunction cancels a statement from within its function: what that
// wakes may be done before DuckDB is told, and is canceled all the same.
func TestCanceledInAFunction(t *testing.T) {
	var cancel func()
	_, c := openWith(t, Options{Threads: 1, Signal: func(Signal, int32, float64) bool {
		cancel()
		return true
	}})
	for range 200 {
		ctx, stop := context.WithCancel(t.Context())
		cancel = stop
		rows, err := c.Query(ctx, "SELECT ms_signal(0, 7, 1.5)")
		if err == nil {
			_, err = rows.Next()
			rows.Close()
		}
		stop()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("the canceled statement: %v", err)
		}
	}
}
