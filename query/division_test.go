package query

import (
	"testing"

	"github.com/millstream-db/millstream/query/sqlstate"
)

// TestDivisionByZeroIsOfExecution prepares divisions by zero, which is no error yet:
// drivers prepare before they begin the transaction that fails.
func TestDivisionByZeroIsOfExecution(t *testing.T) {
	db := open(t, t.TempDir())
	s := db.NewSession(SessionOptions{})
	defer s.Close()
	for _, c := range []struct {
		sql  string
		args []any
		want string // the error's SQLSTATE
	}{
		{"SELECT 1 / 0", nil, sqlstate.CodeDivisionByZero},
		{"SELECT 7 % 0, 8", nil, sqlstate.CodeDivisionByZero},
		{"SELECT 1 / $1::INTEGER", []any{int64(0)}, sqlstate.CodeDivisionByZero},
		{"SELECT 1 / $1::INTEGER", []any{int64(1)}, ""},
		{"SELECT 1 / 0 WHERE 1 = 1", nil, ""},
	} {
		st, err := s.Prepare(t.Context(), c.sql, nil)
		if err != nil {
			t.Errorf("prepare %s: %v", c.sql, err)
			continue
		}
		got := ""
		r, err := s.Execute(t.Context(), st, c.args)
		if err == nil {
			_, err = r.Next(t.Context())
			r.Close()
		}
		if err != nil {
			got = AsError(err).Code
		}
		if got != c.want {
			t.Errorf("%s: SQLSTATE %q, want %q", c.sql, got, c.want)
		}
	}
}
