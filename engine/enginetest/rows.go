package enginetest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Null stands for NULL among the text of rows.
const Null = "␀"

// Rows are rows as text, in any order.
type Rows [][]string

// Differ compares two multisets of rows and describes the first difference, ""
// if there is none. Columns marked approx may differ by 1e-9, or 1e-9 of their value.
func Differ(have, want Rows, approx []bool) string {
	normalize(have)
	normalize(want)
	order := func(a, b []string) int {
		for _, second := range []bool{false, true} {
			for i := range a {
				if (i < len(approx) && approx[i]) == second {
					if c := strings.Compare(a[i], b[i]); c != 0 {
						return c
					}
				}
			}
		}
		return 0
	}
	slices.SortFunc(have, order)
	slices.SortFunc(want, order)
	for i := range max(len(have), len(want)) {
		switch {
		case i == len(have):
			return fmt.Sprintf("%d rows, want %d: missing %q", len(have), len(want), want[i])
		case i == len(want):
			return fmt.Sprintf("%d rows, want %d: too many, such as %q", len(have), len(want), have[i])
		case !same(have[i], want[i], approx):
			return fmt.Sprintf("%d rows, want %d: row %q, want %q", len(have), len(want), have[i], want[i])
		}
	}
	return ""
}

// normalize removes the differences that SQL does not see: the signs of zero
// and of NaN.
func normalize(rows Rows) {
	for _, row := range rows {
		for i, s := range row {
			switch s {
			case "-0.0":
				row[i] = "0.0"
			case "-nan":
				row[i] = "nan"
			}
		}
	}
}

func same(have, want []string, approx []bool) bool {
	if len(have) != len(want) {
		return false
	}
	for i := range have {
		if have[i] != want[i] && !(i < len(approx) && approx[i] && near(have[i], want[i])) {
			return false
		}
	}
	return true
}

func near(a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && (x == y || math.Abs(x-y) <= 1e-9*max(1, math.Abs(x), math.Abs(y)))
}
