package rows

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/bench/nexmark"
)

// TestJudge: rows may come in any order, in any number of files and in any spelling,
// but each as often as it is right.
func TestJudge(t *testing.T) {
	t.Parallel()
	g := nexmark.NewGenerator(nexmark.Options{Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	j, err := NewJudge(t.Context(), t.TempDir(), g, 100)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	const query = "SELECT auction, 0.5 * price AS half, date_time, extra FROM bid;"
	var right []string
	for n := range int64(100) {
		b := g.Bid(n)
		right = append(right, fmt.Sprintf("%d,%d.%d,%s,%s", b.Auction, b.Price/2, b.Price%2*5, b.At.Format("2006-01-02 15:04:05.000"), b.Extra))
	}
	with := func(text string) []string { return slices.Concat([]string{text}, right[1:]) }
	fields := strings.Split(right[0], ",")
	for _, tt := range []struct {
		name  string
		lines []string
		wrong string
	}{
		{"right", right, ""},
		{"in another order", slices.Concat(right[50:], right[:50]), ""},
		{"in another spelling", with(fields[0] + "," + fields[1] + "00,2026-01-01T00:00:00Z,\"" + fields[3] + `"`), ""},
		{"a wrong value", with(strings.Join([]string{fields[0], "0.5", fields[2], fields[3]}, ",")), "1 are missing and 1 are too many"},
		{"a row is missing", right[1:], "1 are missing and 0 are too many"},
		{"a row is doubled", slices.Concat(right, right[:1]), "0 are missing and 1 are too many"},
		{"one is doubled for another", with(right[1]), "1 are missing and 1 are too many"},
		{"no rows", nil, "100 are missing"},
		{"no number", with("x,1,2026-01-01,y"), "Could not convert"},
		{"a column too few", with("1,2,2026-01-01"), "CSV Error on Line: 1"},
	} {
		t.Run(tt.name, func(t *testing.T) { // one after the other: there is one judge
			dir := t.TempDir()
			half := len(tt.lines) / 2
			writeLines(t, filepath.Join(dir, "a.csv"), tt.lines[:half])
			writeLines(t, filepath.Join(dir, "part", "b.csv"), tt.lines[half:])
			writeLines(t, filepath.Join(dir, "part", ".b.csv.crc"), []string{"no rows"})
			switch err := j.Compare(t.Context(), query, dir); {
			case tt.wrong == "" && err != nil:
				t.Error(err)
			case tt.wrong != "" && (!errors.Is(err, ErrWrong) || !strings.Contains(err.Error(), tt.wrong)):
				t.Errorf("%v, want %q", err, tt.wrong)
			}
		})
	}
	if err := j.Compare(t.Context(), query, t.TempDir()); !errors.Is(err, ErrWrong) {
		t.Errorf("without a file: %v", err)
	}
	if err := j.Compare(t.Context(), "SELECT auction FROM bid WHERE auction < 0", t.TempDir()); err == nil || errors.Is(err, ErrWrong) {
		t.Errorf("nothing is compared: %v", err)
	}
	if names, err := j.Columns(t.Context(), query); err != nil || !slices.Equal(names, []string{"auction", "half", "date_time", "extra"}) {
		t.Errorf("%v, %v", names, err)
	}
}
