package duck

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestUntold reads more slowly than a statement works that fails in the end: DuckDB calls that its
// user's interruption now and then.
func TestUntold(t *testing.T) {
	_, c := open(t)
	if err := c.Exec(t.Context(), "CREATE TABLE t AS SELECT CASE WHEN i = 380000 THEN 'x' ELSE i::VARCHAR END AS s FROM range(400000) r(i)"); err != nil {
		t.Fatal(err)
	}
	read := func(pause time.Duration) error {
		rows, err := c.Query(t.Context(), "SELECT s::BIGINT FROM t")
		if err != nil {
			return err
		}
		defer rows.Close()
		for n := 1; err == nil && n > 0; {
			n, err = rows.NextChunk()
			time.Sleep(pause)
		}
		return err
	}
	told, untold := 0, 0
	for end := time.Now().Add(30 * time.Second); (told == 0 || untold == 0) && time.Now().Before(end); {
		for _, pause := range []time.Duration{0, 300 * time.Microsecond} {
			switch err := read(pause); {
			case errors.Is(err, ErrUntold) && OutOfMemory(err):
				untold++
			case err != nil && strings.Contains(err.Error(), "Could not convert string 'x'"):
				told++
			default:
				t.Fatal(err)
			}
		}
	}
	t.Logf("the error was told %d times, and not told %d times", told, untold)
	if told == 0 || untold == 0 {
		t.Error("want both: if DuckDB always tells it, ErrUntold can go")
	}
}
