package narrow_test

import (
	"strings"
	"testing"

	"github.com/millstream-db/millstream/query/narrow"
)

// TestValuesThatFail: an expression that fails when it is evaluated for a lookup leaves
// the error to the query, and the transaction as it is.
func TestValuesThatFail(t *testing.T) {
	defer narrow.SetManyGroups(narrow.SetManyGroups(0))
	w := newWorld(t)
	w.exec("CREATE SOURCE s (k BIGINT, d DATE, n VARCHAR)")
	w.exec("CREATE MATERIALIZED VIEW v AS SELECT k, d, n, count(*) AS c FROM s GROUP BY k, d, n")
	w.exec("INSERT INTO s VALUES (1, '2026-01-01', 'a')")
	for _, c := range []struct{ sql, want string }{
		{"SELECT c FROM v WHERE k = 'abc'", "invalid input syntax"},
		{"SELECT c FROM v WHERE k = CAST(concat('x', 'y') AS BIGINT)", "invalid input syntax"},
		{"SELECT c FROM v WHERE d = 'yesterday'", "invalid date"},
		{"SELECT c FROM v WHERE k = 9223372036854775807 + 1", "Overflow"},
		{"SELECT c FROM v WHERE k = TRY_CAST('abc' AS BIGINT)", ""},
		{"SELECT c FROM v WHERE k = '1' AND d = '2026-01-01' AND n = lower('A')", ""},
	} {
		_, err := w.ask(c.sql, nil, false)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.sql, err, c.want)
		}
	}
}
