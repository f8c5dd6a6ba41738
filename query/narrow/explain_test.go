package narrow_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/query/narrow"
)

// TestExplainSaysWhatIsRead also holds which queries are narrowed, and which are not.
func TestExplainSaysWhatIsRead(t *testing.T) {
	defer narrow.SetManyGroups(narrow.SetManyGroups(0))
	w := newWorld(t)
	w.exec("CREATE SOURCE s (ts TIMESTAMP, k VARCHAR, i BIGINT, x DOUBLE, WATERMARK FOR ts AS ts)")
	w.exec("CREATE MATERIALIZED VIEW v AS SELECT k, i AS id, count(*) AS n, sum(i) + 1 AS e FROM s GROUP BY k, i")
	w.exec("CREATE MATERIALIZED VIEW often AS SELECT k, count(*) AS n FROM s GROUP BY k HAVING count(*) > 1")
	w.exec("CREATE MATERIALIZED VIEW best AS SELECT k, count(*) AS n, rank() OVER (ORDER BY count(*)) AS r FROM s GROUP BY k")
	w.exec("CREATE MATERIALIZED VIEW m AS SELECT k, window_start AS ws, window_end AS we, max(x) AS x FROM TUMBLE(s, ts, INTERVAL '1 minute') GROUP BY window_start, window_end, k")
	for _, c := range []struct {
		sql  string
		want []string
	}{
		{"SELECT * FROM v WHERE k = 'a' AND id IN (1, 2)", []string{"v: groups looked up by k, id, for 2 values"}},
		{"SELECT * FROM v WHERE k = lower('A')", []string{"v: groups that have the given values of k"}},
		{"SELECT * FROM v WHERE k = 'a' OR id = 1", nil},
		{"SELECT * FROM v WHERE id = 1.5", nil},
		{"SELECT * FROM v WHERE id = random()", nil},
		{"SELECT * FROM v WHERE n = 1", nil},
		{"SELECT * FROM v a, v b WHERE a.k = 'a' AND b.k = 'b'", nil},
		{"SELECT * FROM v WHERE k = 'a' AND id = 1 ORDER BY n LIMIT 1", []string{"v: groups looked up by k, id, for 1 values"}},
		{"SELECT * FROM v ORDER BY n DESC LIMIT 10 OFFSET 5", []string{"v: groups that can be among the first 15 by n DESC"}},
		{"SELECT * FROM v ORDER BY n LIMIT 20000", nil},
		{"SELECT * FROM v ORDER BY e LIMIT 10", nil},
		{"SELECT * FROM v ORDER BY k LIMIT 10", nil},
		{"SELECT * FROM often ORDER BY n LIMIT 10", nil},
		{"SELECT * FROM often WHERE k = 'a'", []string{"often: groups looked up by k, for 1 values"}},
		{"SELECT * FROM best WHERE k = 'a'", nil},
		{"SELECT * FROM m WHERE ws = '2026-01-01 10:00:00' AND k = 'a'",
			[]string{"m: windows that begin at 2026-01-01 10:00:00Z", "m: groups looked up by k, for 1 values"}},
		{"SELECT * FROM m WHERE ws >= TIMESTAMP '2026-01-01 10:00:00' ORDER BY x LIMIT 3",
			[]string{"m: windows that begin from 2026-01-01 10:00:00Z on", "m: groups that can be among the first 3 by x"}},
		{"SELECT * FROM m WHERE ws > TIMESTAMP '2026-01-01' AND ws < TIMESTAMP '2025-01-01'", []string{"m: windows that begin never"}},
		{"SELECT * FROM m WHERE k > 'a' ORDER BY x LIMIT 3", nil},
	} {
		plan, err := w.ask("EXPLAIN "+c.sql, nil, true)
		if err != nil {
			t.Fatalf("%s: %v", c.sql, err)
		}
		var got []string
		for _, line := range plan {
			if text, ok := strings.CutPrefix(line, "In memory, of "); ok {
				got = append(got, text)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.sql, got, c.want)
		}
	}
}
