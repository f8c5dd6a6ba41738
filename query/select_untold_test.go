package query

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine"
)

// TestErrorsBehindSlowReaders has clients that read more slowly than their query works, which fails in
// the end: they are told why, though DuckDB does not tell it always, and whatever is transactions' goes
// on as after any error.
func TestErrorsBehindSlowReaders(t *testing.T) {
	db := openLeakless(t, "", engine.Options{})
	exec(t, db, "CREATE TABLE t (s VARCHAR)")
	exec(t, db, "INSERT INTO t SELECT CASE WHEN i = 380000 THEN 'x' ELSE i::VARCHAR END FROM range(400000) r(i)")
	for _, c := range []struct {
		name, sql   string
		transaction bool
		args        []any
	}{
		{"a query", "SELECT s::BIGINT FROM t", false, nil},
		{"one with arguments", "SELECT s::BIGINT + $1::BIGINT FROM t", false, []any{int64(1)}},
		{"one in a transaction", "SELECT s::BIGINT FROM t", true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 15 {
				s := db.NewSession(SessionOptions{})
				if c.transaction {
					in(t, s, "BEGIN")
				}
				rows, err := readSlowly(s, c.sql, c.args)
				var e *Error
				if !errors.As(err, &e) || e.Code != CodeInvalidText || !strings.Contains(e.Message, `"x"`) {
					t.Fatalf("after %d rows: %v", rows, err)
				}
				if c.transaction {
					if _, err := tag(t, s, "SELECT 1"); !errors.As(err, &e) || e.Code != CodeInFailedTransaction {
						t.Errorf("the transaction goes on: %v", err)
					}
					in(t, s, "ROLLBACK")
				}
				checkIn(t, s, "SELECT count(*) FROM t", "400000")
				s.Close()
			}
		})
	}
}

// readSlowly reads a result with pauses, and returns its rows until the error.
func readSlowly(s *Session, sql string, args []any) (rows int64, err error) {
	st, err := s.Prepare(ctx, sql, nil)
	if err != nil {
		return 0, err
	}
	r, err := s.Execute(ctx, st, args)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for {
		record, err := r.Next(ctx)
		if err != nil {
			return rows, err
		}
		rows += record.NumRows()
		time.Sleep(300 * time.Microsecond)
	}
}
