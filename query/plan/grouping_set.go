package plan

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/window"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// groupingSetMax bounds how often every row is grouped.
const groupingSetMax = 128

// readSets returns the statement's grouping sets as DuckDB expands ROLLUP and
// CUBE: lists of indexes into the written group expressions, of which place
// says where they are among those without duplicates. It returns nil if there
// is only the set of all of them.
func (p *planner) readSets(place []int) ([][]int, error) {
	written, _ := p.st.sel["group_sets"].([]any)
	var sets [][]int
	for _, w := range written {
		indexes, _ := w.([]any)
		set := make([]int, 0, len(indexes))
		for _, index := range indexes {
			number, _ := index.(json.Number)
			i, err := number.Int64()
			if err != nil || i < 0 || int(i) >= len(place) {
				return nil, fmt.Errorf("read grouping sets: no group expression %v", index)
			}
			if at := place[i]; !slices.Contains(set, at) {
				set = append(set, at)
			}
		}
		sets = append(sets, set)
	}
	if len(sets) > groupingSetMax {
		return nil, fail(codeUnsupported, p.st.keyword("GROUP"), "%d grouping sets are too many for a materialized view, which groups every row that often", len(sets)).
			hint("write the sets that are needed as GROUPING SETS ((…), (…)), at most %d", groupingSetMax)
	}
	all := slices.Max(append(slices.Clone(place), -1)) + 1
	if len(sets) == 0 || len(sets) == 1 && len(sets[0]) == all {
		return nil, nil
	}
	return sets, nil
}

// inAllSets reports whether every row is grouped by group expression i.
func (p *planner) inAllSets(i int) bool {
	for _, set := range p.sets {
		if !slices.Contains(set, i) {
			return false
		}
	}
	return true
}

// common returns the group expressions that are in all grouping sets, and nil in
// the places of the others: only these can be the window of a view.
func (p *planner) common(exprs []ast.Node) []ast.Node {
	out := slices.Clone(exprs)
	for i := range out {
		if !p.inAllSets(i) {
			out[i] = nil
		}
	}
	return out
}

// checkSets refuses grouping sets that have windows in some sets only.
func (p *planner) checkSets(exprs []ast.Node) error {
	if p.sets == nil {
		return nil
	}
	c := p.st.from.window
	if c != nil && c.spec.Kind == window.Session {
		return fail(codeUnsupported, p.st.keyword("GROUP"), "GROUPING SETS, ROLLUP and CUBE are not supported over SESSION: each set would have sessions of its own").
			hint("create one view for each set")
	}
	for i, n := range exprs {
		if p.inAllSets(i) {
			continue
		}
		bound := ast.Find(n, func(n ast.Node) bool { return n.Class() == ast.ClassWindow })
		if bound == nil && (p.def.Window != nil || p.source.bucket(n) == nil) {
			continue
		}
		name := "the window"
		if c != nil {
			name = bound.Kind()
		}
		return fail(codeUnsupported, n.Location(), "every grouping set of a materialized view must contain %s: a set without it would add up windows that close one by one", name).
			hint("write the window outside: GROUP BY %s, ROLLUP (…), or GROUPING SETS over sets that all contain it; totals of all windows are a view of their own", p.windowOr(n))
	}
	return nil
}

// windowOr is how the statement can name its window, which n would be.
func (p *planner) windowOr(n ast.Node) string {
	if p.st.from.window != nil {
		return "window_start, window_end"
	}
	for _, it := range p.res.items {
		if it.alias != "" && it.resolved.Key() == n.Key() {
			return it.alias
		}
	}
	return strings.ToLower(n.Str("function_name")) + "(…)"
}

// setKeys sets the definition's grouping sets; keys are the group expressions'
// numbers among its Keys, -1 for those that are not.
func (p *planner) setKeys(keys []int) {
	if p.sets == nil {
		return
	}
	p.def.GroupingSets = make([][]int, len(p.sets))
	for i, set := range p.sets {
		p.def.GroupingSets[i] = []int{}
		for _, at := range set {
			if keys[at] >= 0 {
				p.def.GroupingSets[i] = append(p.def.GroupingSets[i], keys[at])
			}
		}
	}
}

func isGrouping(n ast.Node) bool { return n.Kind() == "GROUPING_FUNCTION" }

// checkGrouping refuses GROUPING where there are no groups.
func checkGrouping(n ast.Node, sc scope) error {
	where := map[clause]string{inWhere: "WHERE", inGroup: "GROUP BY"}[sc.clause]
	switch {
	case sc.aggregate:
		return fail(codeGrouping, n.Location(), "GROUPING is not allowed inside an aggregate function")
	case where != "":
		return fail(codeGrouping, n.Location(), "GROUPING is not allowed in %s", where).hint("write the condition in HAVING")
	}
	return nil
}

// grouping returns GROUPING(a, b) over the state: a bit for each argument, the
// last one's the lowest, that is set where the argument is not in the row's set.
func (p *planner) grouping(ctx context.Context, n ast.Node) (ast.Node, error) {
	args := make([]int, 0, len(n.List("children")))
	for _, arg := range n.List("children") {
		at, ok := p.groupAt[arg.Key()]
		if !ok {
			return nil, fail(codeGrouping, arg.Location(), "the arguments of GROUPING must be expressions of GROUP BY")
		}
		args = append(args, at)
	}
	if len(args) > 63 {
		return nil, fail(codeUnsupported, n.Location(), "GROUPING takes at most 63 arguments")
	}
	text := "SELECT CASE grouping_set"
	for i, set := range p.sets {
		var bits int64
		for _, at := range args {
			bits <<= 1
			if !slices.Contains(set, at) {
				bits |= 1
			}
		}
		text += fmt.Sprintf(" WHEN %d THEN %d::BIGINT", i, bits)
	}
	if text += " END"; p.sets == nil {
		text = "SELECT 0::BIGINT"
	}
	items, err := parseItems(ctx, p.b, text)
	if err != nil {
		return nil, err
	}
	return items[0].In(n), nil
}
