package rows

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/bench/workload"
)

var base = time.Date(2026, time.January, 1, 0, 0, 30, 0, time.UTC)

const records = 700_000 // half a minute, and a bit of the second window

// lines computes the rows by page in another way.
func lines() []string {
	p := workload.NewPurchases(1)
	type key struct {
		start int64
		page  int
	}
	amounts := map[key][]int64{}
	for n := range int64(records) {
		x := p.At(n, base)
		k := key{x.Time.Unix() / 60 * 60, x.Page}
		amounts[k] = append(amounts[k], x.Cents)
	}
	var list []string
	for k, all := range amounts {
		sum, least, greatest := int64(0), all[0], all[0]
		for _, cents := range all {
			sum += cents
			least, greatest = min(least, cents), max(greatest, cents)
		}
		list = append(list, fmt.Sprintf("%d,page-%04d,%d,%d,%d,%d", k.start, k.page, len(all), sum, least, greatest))
	}
	return list
}

func TestCompare(t *testing.T) {
	t.Parallel()
	expected := NewExpected(workload.NewPurchases(1), records, base)[ByPage]
	right := lines()
	if expected.Rows() != len(right) || expected.Rows() <= workload.PurchasePages {
		t.Fatalf("%d rows are expected, there are %d", expected.Rows(), len(right))
	}
	fields := strings.Split(right[7], ",")
	with := func(column int, value string) []string {
		changed := append([]string(nil), fields...)
		changed[column] = value
		list := append([]string(nil), right...)
		list[7] = strings.Join(changed, ",")
		return list
	}
	earlier := strings.Join([]string{fields[0], fields[1], "1", "5", "5", "5"}, ",")
	later := strings.Join([]string{fields[0], fields[1], "999999", fields[3], fields[4], fields[5]}, ",")
	for _, tt := range []struct {
		name  string
		lines []string
		wrong string
	}{
		{"right", right, ""},
		{"what a row was before", slices.Concat([]string{earlier}, right, []string{earlier}), ""},
		{"quoted keys", with(1, `"`+fields[1]+`"`), ""},
		{"counted twice", slices.Concat([]string{later}, right), "1 of "},
		{"a row is missing", right[1:], "1 of "},
		{"no rows", nil, "differ"},
		{"another sum", with(3, "1"), "1 of "},
		{"another minimum", with(4, "-1"), "1 of "},
		{"another maximum", with(5, "1000000"), "1 of "},
		{"another count", with(2, "1"), "1 of "},
		{"another key", with(1, "page-9999"), "there is no page page-9999"},
		{"another window", with(0, "1"), "there is no window"},
		{"no number", with(3, "1.5"), "not a whole number"},
		{"a column too few", slices.Concat([]string{"1,page-0001,1,1,1"}, right), "has 5 columns"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			half := len(tt.lines) / 2
			writeLines(t, filepath.Join(dir, "a.csv"), tt.lines[:half])
			writeLines(t, filepath.Join(dir, "part", "b.csv"), tt.lines[half:])
			writeLines(t, filepath.Join(dir, "part", ".b.csv.crc"), []string{"no rows"})
			writeLines(t, filepath.Join(dir, "_SUCCESS"), []string{"no rows"})
			switch err := expected.Compare(dir); {
			case tt.wrong == "" && err != nil:
				t.Error(err)
			case tt.wrong != "" && (!errors.Is(err, ErrWrong) || !strings.Contains(err.Error(), tt.wrong)):
				t.Errorf("%v, want %q", err, tt.wrong)
			}
		})
	}
}

func writeLines(t *testing.T, path string, lines []string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(line + "\n")
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
