package enginetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// after is what a view does with its groups.
type after struct {
	sets     string   // GROUP BY with grouping sets, "" for none
	grouping string   // GROUPING of all keys, "" without sets
	keys     []string // all group expressions
	window   []string // those of them of which each tells windows apart
	sessions bool
	over     bool   // some item has OVER
	named    string // the specification of WINDOW w, "" for none
	qualify  string
	distinct bool
	rest     string // of the statement, behind the SELECT list
}

// newAfter decides what happens after the aggregation by keys.
func newAfter(r *rand.Rand, w *window, keys []string) after {
	a := after{window: w.units(), keys: keys, sessions: w.gap > 0}
	// A key that is there twice would make equal sets of ROLLUP and CUBE, and so
	// equal groups, of which no order tells which is first.
	if plain := keys[len(w.keys):]; len(plain) > 0 && !a.sessions && chance(r, 4) && !repeats(keys) {
		a.sets = groupingSets(r, w.keys, plain)
		a.grouping = "GROUPING(" + strings.Join(keys, ", ") + ")"
	}
	return a
}

func repeats(list []string) bool {
	return len(slices.Compact(slices.Sorted(slices.Values(list)))) < len(list)
}

// groupingSets is a GROUP BY in which every set holds the window.
func groupingSets(r *rand.Rand, window, plain []string) string {
	all := strings.Join(plain, ", ")
	outside := strings.Join(append(slices.Clone(window), ""), ", ")
	switch r.IntN(3) {
	case 0:
		return outside + "ROLLUP (" + all + ")"
	case 1:
		return outside + "CUBE (" + all + ")"
	}
	set := func(keys ...string) string {
		return "(" + strings.Join(append(slices.Clone(window), keys...), ", ") + ")"
	}
	sets := []string{set(plain...)}
	for range 1 + r.IntN(3) {
		sets = append(sets, pick(r, set(), set(pick(r, plain...))))
	}
	r.Shuffle(len(sets), func(i, j int) { sets[i], sets[j] = sets[j], sets[i] })
	return "GROUPING SETS (" + strings.Join(sets, ", ") + ")"
}

// partition is the PARTITION BY that a view needs, and perhaps more of it. No key
// is there twice: DuckDB 1.5 takes (a, a) for (a, b) beside another function
// that is partitioned so, and would judge wrongly.
func (a *after) partition(r *rand.Rand) string {
	var by []string
	if len(a.window) > 0 {
		by = append(by, pick(r, a.window...))
	}
	if len(a.keys) > 0 && chance(r, 3) {
		if key := pick(r, a.keys...); !slices.Contains(by, key) {
			by = append(by, key)
		}
	}
	if len(by) == 0 {
		return ""
	}
	return "PARTITION BY " + strings.Join(by, ", ")
}

// total orders groups so that none is equal to another.
func (a *after) total(r *rand.Rand, first ...string) string {
	by := first
	for _, k := range a.keys {
		by = append(by, k+pick(r, "", "", " DESC", " NULLS FIRST"))
	}
	if a.grouping != "" {
		by = append(by, a.grouping)
	}
	if len(by) == 0 {
		return ""
	}
	return " ORDER BY " + strings.Join(by, ", ")
}

// items returns window functions over the groups. Two equal grouping sets have
// equal groups, of which no order tells which is first.
func (a *after) items(r *rand.Rand) (items []output) {
	if a.grouping != "" && chance(r, 2) {
		items = append(items, output{sql: a.grouping})
	}
	if !chance(r, 3) || a.sessions || strings.HasPrefix(a.sets, "GROUPING SETS") {
		return items
	}
	a.over = true
	if chance(r, 4) {
		a.named = a.partition(r) + a.total(r)
	}
	if a.named != "" { // one group has nothing to be ordered by
		items = append(items, output{sql: pick(r, "row_number() OVER w", "lag(count(*), 2, 0) OVER w", "sum(count(*)) OVER w")})
	}
	p := a.partition(r)
	for range pick(r, 1, 1, 2, 3) {
		items = append(items, output{sql: pick(r,
			"row_number() OVER ("+p+a.total(r, "count(*) DESC")+")",
			"rank() OVER ("+p+" ORDER BY count(*) DESC)", "dense_rank() OVER ("+p+" ORDER BY count(*))",
			"ntile(3) OVER ("+p+a.total(r)+")",
			"lag(count(*), 1, -1) OVER ("+p+a.total(r)+")", "lead(count(*)) OVER ("+p+a.total(r)+") - count(*)",
			"sum(count(*)) OVER ("+p+")", "count(*) OVER ("+p+")",
			"sum(count(*)) OVER ("+p+a.total(r)+" ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
			"max(count(*)) OVER ("+p+") = count(*)",
			"first_value(count(*)) OVER ("+p+a.total(r)+")",
		)})
	}
	if chance(r, 2) {
		a.qualify = fmt.Sprintf("row_number() OVER (%s%s) <= %d", a.partition(r), a.total(r, "count(*) DESC"), skewed(r, 20))
	}
	return items
}

// clauses are what follows HAVING.
func (a *after) clauses() (sql string) {
	if a.named != "" {
		sql = " WINDOW w AS (" + a.named + ")"
	}
	if a.qualify != "" {
		sql += " QUALIFY " + a.qualify
	}
	return sql
}

// units returns the keys of which each tells windows apart.
func (w *window) units() []string {
	switch {
	case w.gap > 0:
		return nil
	case strings.Contains(w.from, "CUMULATE"):
		return []string{windowEnd}
	}
	return w.keys
}

const windowEnd = "window_end"

// windowColumn returns an output that tells windows apart, or "".
func (v *View) windowColumn(alias []string) string {
	for i, key := range v.window.keys {
		if alias[i] != "" && slices.Contains(v.window.units(), key) {
			return alias[i]
		}
	}
	return ""
}

// finish writes the statement; window is an output that is the window, if any.
func (v *View) finish(r *rand.Rand, items []output, a *after, window string) {
	loose := make([]bool, len(items)) // what is not the same for DuckDB's ORDER BY and DISTINCT
	var list, judge []string
	for i, it := range items {
		loose[i] = it.approx || it.judge != ""
		list = append(list, it.sql+" AS "+v.Columns[i])
		judge = append(judge, cmp.Or(it.judge, it.sql)+" AS "+v.Columns[i])
	}
	exact := !slices.Contains(loose, true)
	whole := len(v.window.keys) == 0 // all rows are one unit
	if exact && (whole || window != "") && chance(r, 6) {
		a.distinct = true
	}
	if exact && whole && chance(r, 4) {
		a.rest += v.limit(r)
	}
	before, behind := "", ""
	if chance(r, 4) {
		before, behind = v.nest(r, loose, whole, window)
	}
	verb := "SELECT "
	if a.distinct {
		verb = "SELECT DISTINCT "
	}
	v.SQL = before + verb + strings.Join(list, ", ") + a.rest + behind
	v.Judge = before + verb + strings.Join(judge, ", ") + a.rest + behind
}

// limit keeps the first rows of a view without windows.
func (v *View) limit(r *rand.Rand) string {
	by := make([]string, len(v.Columns))
	for i, c := range v.Columns {
		by[i] = c + pick(r, "", " DESC", " NULLS FIRST")
	}
	sql := fmt.Sprintf(" ORDER BY %s LIMIT %d", strings.Join(by, ", "), skewed(r, 40))
	if chance(r, 3) {
		sql += pick(r, " OFFSET 1", " OFFSET 5")
	}
	return sql
}

// nest returns a SELECT around the view's: what stands before it and behind it.
func (v *View) nest(r *rand.Rand, loose []bool, whole bool, window string) (before, behind string) {
	var list, columns []string
	var approx []bool
	for i, at := range r.Perm(len(v.Columns)) {
		columns = append(columns, fmt.Sprint("p", i))
		approx = append(approx, v.Approx[at])
		list = append(list, pick(r, "", "q.")+v.Columns[at]+" AS "+columns[i])
	}
	where := " WHERE " + v.Columns[r.IntN(len(v.Columns))] + " IS NOT NULL"
	if i := r.IntN(len(v.Columns)); !loose[i] && chance(r, 2) {
		where = " WHERE length(replace(q." + v.Columns[i] + "::VARCHAR, '-0.0', '0.0')) % 3 > 0" // arg_max of plain DuckDB loses the sign of zero
	}
	if !slices.Contains(loose, true) && (whole || window != "") && chance(r, 2) {
		partition := ""
		if window != "" {
			partition = "PARTITION BY " + window
		}
		columns, approx = append(columns, "rn"), append(approx, false)
		list = append(list, "row_number() OVER ("+partition+" ORDER BY "+strings.Join(v.Columns, ", ")+") AS rn")
		if chance(r, 2) {
			where += fmt.Sprintf(" QUALIFY rn <= %d", skewed(r, 20))
		}
	}
	v.Columns, v.Approx = columns, approx
	sql := "SELECT " + strings.Join(list, ", ") + " FROM "
	if chance(r, 2) {
		return sql + "(", ") AS q" + where
	}
	return "WITH w AS (", ") " + sql + "w AS q" + where
}
