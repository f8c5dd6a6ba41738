package query

import (
	"fmt"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/query/preparedtext"
)

// TestPreparedTextsAreBounded prepares long texts until there are too many. Those that are
// deallocated make room for others.
func TestPreparedTextsAreBounded(t *testing.T) {
	db := open(t, t.TempDir())
	s := db.NewSession(SessionOptions{})
	defer s.Close()
	text := strings.Repeat("x", 900_000)
	prepare := func(n int) error {
		_, err := tag(t, s, fmt.Sprintf("PREPARE p%d AS SELECT '%s'", n, text))
		return err
	}
	fits := preparedtext.MostBytes / (2 * 900_100)
	for n := range fits {
		if err := prepare(n); err != nil {
			t.Fatalf("statement %d: %v", n, err)
		}
	}
	e := AsError(prepare(fits))
	if e == nil || e.Code != CodeProgramLimit || e.Hint == "" {
		t.Fatalf("one too many: %v", e)
	}
	for _, sql := range []string{"DEALLOCATE p0", "DEALLOCATE ALL"} {
		if _, err := tag(t, s, sql); err != nil {
			t.Fatal(err)
		}
		if err := prepare(fits + len(sql)); err != nil {
			t.Errorf("after %s: %v", sql, err)
		}
	}
}
