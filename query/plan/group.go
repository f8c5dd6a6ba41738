package plan

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/engine/window"
	"github.com/millstream-db/millstream/query/plan/ast"
	"github.com/millstream-db/millstream/query/plan/bucket"
)

// groupExprs returns the resolved group expressions without duplicates. Like
// DuckDB, GROUP BY ALL leaves out the items without a column.
func (p *planner) groupExprs() ([]ast.Node, error) {
	var exprs []ast.Node
	switch {
	case p.st.groupsAll():
		for _, it := range p.res.items {
			if ast.Find(it.resolved, isAggregate) == nil && ast.Find(it.resolved, isColumn) != nil && ast.Find(it.resolved, isOver) == nil {
				exprs = append(exprs, it.resolved)
			}
		}
	case distinct(p.st.sel) && !p.st.aggregates(): // the rows without duplicates are groups by all columns
		for _, it := range p.res.items {
			if ast.Find(it.resolved, isOver) != nil {
				return nil, nil
			}
			exprs = append(exprs, it.resolved)
		}
	default:
		for _, written := range p.st.sel.List("group_expressions") {
			n, err := p.groupExpr(written)
			if err != nil {
				return nil, err
			}
			exprs = append(exprs, n)
		}
	}
	p.groupAt = make(map[string]int)
	var unique []ast.Node
	place := make([]int, len(exprs))
	for i, n := range exprs {
		at, ok := p.groupAt[n.Key()]
		if !ok {
			at = len(unique)
			p.groupAt[n.Key()] = at
			unique = append(unique, n)
		}
		place[i] = at
	}
	var err error
	p.sets, err = p.readSets(place)
	return unique, err
}

// isColumn reports whether n is a column of the source or of a window.
func isColumn(n ast.Node) bool {
	return n.Class() == ast.ClassWindow || n.Class() == "COLUMN_REF" && !n.Flag(ast.LambdaMark)
}

// groupExpr resolves one expression of GROUP BY: the number of a SELECT item, a
// column, the alias of a SELECT item, or an expression.
func (p *planner) groupExpr(n ast.Node) (ast.Node, error) {
	if item, ok, err := ordinal(n, len(p.res.items)); err != nil {
		return nil, err
	} else if ok {
		return p.grouped(n, p.res.items[item].resolved)
	}
	sc := scope{clause: inGroup}
	if n.Class() == "COLUMN_REF" {
		sc.aliases = len(p.res.items)
	}
	resolved, err := p.res.resolve(n, sc)
	if err != nil {
		return nil, err
	}
	return p.grouped(n, resolved)
}

func (p *planner) grouped(written, resolved ast.Node) (ast.Node, error) {
	if ast.Find(resolved, isAggregate) != nil {
		return nil, fail(codeGrouping, written.Location(), "aggregate functions are not allowed in GROUP BY")
	}
	return resolved, nil
}

// ordinal reads a GROUP BY item that is the number of a SELECT item.
func ordinal(n ast.Node, items int) (index int, ok bool, err error) {
	value := n.Child("value")
	number, isNumber := value["value"].(json.Number)
	if n.Class() != "CONSTANT" || !isNumber || !strings.HasSuffix(value.Child("type").Str("id"), "INTEGER") {
		return 0, false, nil
	}
	position, err := number.Int64()
	if err != nil || position < 1 || position > int64(items) {
		return 0, false, fail(codeInvalidReference, n.Location(), "GROUP BY position %s is not in the SELECT list", number)
	}
	return int(position) - 1, true, nil
}

// planGroups finds the window among the group expressions and makes the others
// keys.
func (p *planner) planGroups(ctx context.Context, exprs []ast.Node) error {
	window := -1
	if p.st.from.window != nil {
		if err := p.planWindow(ctx, exprs); err != nil {
			return err
		}
	} else {
		window = p.planBucket(p.common(exprs))
		if window >= 0 {
			column := exprs[window].List("children")[1]
			i, err := p.stage.add(ctx, column)
			if err != nil {
				return err
			}
			p.def.Window.Expr = i
			p.groups[exprs[window].Key()] = ast.WindowStart
			if p.bucket, err = p.bucketText(ctx, exprs[window]); err != nil {
				return err
			}
		}
	}
	if err := p.checkSets(exprs); err != nil {
		return err
	}
	keys := make([]int, len(exprs))
	for i, n := range exprs {
		keys[i] = -1
		if i == window || p.derivedAt(exprs, i) {
			continue
		}
		keys[i] = len(p.def.Keys)
		if err := p.planKey(ctx, n); err != nil {
			return err
		}
	}
	p.setKeys(keys)
	return nil
}

// derivedAt reports whether group expression i need not be a key because it is
// derived.
func (p *planner) derivedAt(exprs []ast.Node, i int) bool {
	if p.sets != nil && (p.def.Window == nil || !p.inAllSets(i)) {
		return false
	}
	return p.derived(exprs[i]) && (p.def.Window != nil || i < len(exprs)-1 || len(p.def.Keys) > 0)
}

// derived reports whether n has one value for each window: it is computed from
// the window alone, or from nothing. It need not be a key then, unless there is
// no other: a view that groups has no row before the first record.
func (p *planner) derived(n ast.Node) bool {
	if p.def.Window != nil && p.groups[n.Key()] != "" {
		return true
	}
	if isColumn(n) {
		return false
	}
	all := true
	ast.EachChild(n, func(c ast.Node) { all = all && p.derived(c) })
	return all
}

// planWindow makes the window function's windows those of the view.
func (p *planner) planWindow(ctx context.Context, exprs []ast.Node) error {
	c := p.st.from.window
	start, end := false, false
	for _, n := range exprs {
		start = start || n.Class() == ast.ClassWindow && n.Kind() == ast.WindowStart
		end = end || n.Class() == ast.ClassWindow && n.Kind() == ast.WindowEnd
	}
	if !start && !end {
		return fail(codeUnsupported, c.offset, "a view over %s must group by its windows", c.name).
			hint("write GROUP BY window_start, window_end, or leave %s out", c.name)
	}
	if c.spec.Kind == window.Cumulate && !end {
		return fail(codeUnsupported, c.offset, "the windows of CUMULATE have their start in common, so a view over it must group by window_end").
			hint("write GROUP BY window_start, window_end")
	}
	if c.spec.Kind == window.Session {
		if err := p.checkSession(exprs); err != nil {
			return err
		}
	}
	i, err := p.stage.add(ctx, ast.NewColumn(p.source.Columns[p.source.index(c.column)].Name))
	if err != nil {
		return err
	}
	p.def.Window = &view.Window{Expr: i, Spec: c.spec, OverClosed: p.source.Closed && c.spec.Kind == window.Session}
	for _, name := range []string{ast.WindowStart, ast.WindowEnd} { // either determines the other
		p.groups[ast.NewBound(name).Key()] = name
	}
	return nil
}

// bucketText is how the statement can name the group expression that is the
// window.
func (p *planner) bucketText(ctx context.Context, n ast.Node) (string, error) {
	for _, it := range p.res.items {
		if it.alias != "" && it.resolved.Key() == n.Key() {
			return it.alias, nil
		}
	}
	return deparseExpr(ctx, p.b, n)
}

// checkSession holds PARTITION BY against the group keys: the engine keeps the
// sessions of each group.
func (p *planner) checkSession(exprs []ast.Node) error {
	c := p.st.from.window
	keys := make(map[string]bool)
	for _, written := range c.keys {
		n, err := p.groupExpr(written)
		if err != nil {
			return err
		}
		keys[n.Key()] = true
	}
	grouped := make(map[string]bool)
	for _, n := range exprs {
		key := n.Key()
		grouped[key] = true
		if keys[key] || ast.Find(n, isSourceColumn) == nil {
			continue
		}
		e := fail(codeInvalidDefinition, n.Location(), "the view groups by %s, but the sessions are not those of each %[1]s", p.spell(n))
		return e.hint("say whose sessions they are: SESSION(TABLE %s PARTITION BY %s, DESCRIPTOR(%s), …)", p.st.from.name, p.spellKeys(exprs), c.column)
	}
	for _, written := range c.keys {
		n, err := p.groupExpr(written)
		if err != nil {
			return err
		}
		if !grouped[n.Key()] {
			return fail(codeInvalidDefinition, written.Location(), "the sessions are those of each %s, but the view does not group by it", p.spell(n)).
				hint("add it to GROUP BY")
		}
	}
	return nil
}

func isSourceColumn(n ast.Node) bool { return n.Class() == "COLUMN_REF" && !n.Flag(ast.LambdaMark) }

// spell returns a group expression for a message.
func (p *planner) spell(n ast.Node) string {
	if names := n.Strings("column_names"); len(names) > 0 {
		return strings.Join(names, ".")
	}
	return "an expression"
}

// spellKeys returns the keys of a session's view for a hint.
func (p *planner) spellKeys(exprs []ast.Node) string {
	var names []string
	for _, n := range exprs {
		if ast.Find(n, isSourceColumn) == nil {
			continue
		}
		name := "(…)"
		if n.Class() == "COLUMN_REF" {
			name = p.spell(n)
		}
		names = append(names, name)
	}
	if len(names) == 1 {
		return names[0]
	}
	return "(" + strings.Join(names, ", ") + ")"
}

// planBucket sets the definition's window to the shortest one among the group
// expressions and returns its index, or -1: a longer one is the same for all
// rows of the shorter, and so an ordinary key.
func (p *planner) planBucket(exprs []ast.Node) int {
	at := -1
	for i, n := range exprs {
		if n == nil {
			continue
		}
		if w := p.source.bucket(n); w != nil && (at < 0 || bucket.Length(w) < bucket.Length(p.def.Window)) {
			at, p.def.Window = i, w
		}
	}
	return at
}

func (p *planner) planKey(ctx context.Context, n ast.Node) error {
	typeName, err := p.stage.typeOf(ctx, n)
	if err != nil {
		return err
	}
	t, ok := holdable(typeName)
	if !ok || !comparable(t) {
		e := fail(codeUnsupported, n.Location(), "a group key of the type %s is not supported in a materialized view", typeName)
		if isNested(typeName) {
			return e.hint("group by a field or an element of it, or by to_json(…)::VARCHAR")
		}
		return e.hint("cast it, for example to VARCHAR")
	}
	if collated(n, typeName) {
		return refuseCollation(n, "a group key")
	}
	i, err := p.stage.addKey(ctx, n)
	if err != nil {
		return err
	}
	p.groups[n.Key()] = columnName("k", len(p.def.Keys))
	p.def.Keys = append(p.def.Keys, view.Key{Expr: i, Type: p.stage.exprs[i].StateType()})
	return nil
}
