package gate

import (
	"fmt"
	"slices"
	"strings"
)

// closest returns a hint with up to three of the names that a mistyped one may
// have meant, or nothing.
func closest(name string, names []string) string {
	const longest = 64
	if len(name) > longest {
		return ""
	}
	type candidate struct {
		name     string
		distance int
	}
	var near []candidate
	lower := strings.ToLower(name)
	for _, n := range names {
		if len(n) > longest {
			continue
		}
		if d := editDistance(lower, strings.ToLower(n)); d <= max(1, len(name)/3) {
			near = append(near, candidate{n, d})
		}
	}
	slices.SortFunc(near, func(a, b candidate) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		return strings.Compare(a.name, b.name)
	})
	quoted := []string{}
	for _, c := range near[:min(len(near), 3)] {
		quoted = append(quoted, fmt.Sprintf("%q", c.name))
	}
	if len(quoted) == 0 {
		return ""
	}
	return fmt.Sprintf("Did you mean %s?", strings.Join(quoted, ", "))
}

// editDistance is the number of bytes to insert, delete, replace or swap with
// their neighbour to make b of a.
func editDistance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// excerpt keeps a message readable when a name is a page of text.
func excerpt(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
