package sqltest

import (
	"fmt"
	"testing"
)

// TestFetchIsParsedFirst prepares a FETCH before its cursor is declared, as
// drivers do that send both at once: it has no columns then, and those of the
// cursor when it is bound, which may be others the next time.
func TestFetchIsParsedFirst(t *testing.T) {
	c := connect(t, newDatabase(t, "batch1"), "driver")
	fetch, err := c.Prepare(t.Context(), "fetch", "FETCH ALL FROM later", nil)
	if err != nil || len(fetch.Fields) != 0 {
		t.Fatal(fetch, err)
	}
	for _, step := range []struct{ query, want string }{
		{"SELECT 1::INTEGER AS n", "[n:23] [[1]]"},
		{"SELECT 'a' AS x, 2::BIGINT AS y", "[x:25 y:20] [[a 2]]"},
	} {
		ask(t, c, "BEGIN")
		ask(t, c, "DECLARE later CURSOR FOR "+step.query)
		result := c.ExecPrepared(t.Context(), "fetch", nil, nil, nil).Read()
		if result.Err != nil {
			t.Fatal(result.Err)
		}
		var columns []string
		for _, f := range result.FieldDescriptions {
			columns = append(columns, fmt.Sprintf("%s:%d", f.Name, f.DataTypeOID))
		}
		if got := fmt.Sprintf("%s %s", columns, result.Rows); got != step.want {
			t.Errorf("%s\n got: %s\nwant: %s", step.query, got, step.want)
		}
		ask(t, c, "COMMIT")
	}
	result := c.ExecPrepared(t.Context(), "fetch", nil, nil, nil).Read()
	if result.Err == nil {
		t.Error("a FETCH without a cursor gave rows")
	}
}
