package plan

import (
	"context"
	"time"

	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// planner splits one statement into a view's three stages.
type planner struct {
	b       Binder
	st      *statement
	source  *Source
	res     *resolver
	stage   *stage
	def     *view.Definition
	groups  map[string]string // key of a group expression → the state's column
	groupAt map[string]int    // key of a group expression → its place among them
	sets    [][]int           // the grouping sets, as places; nil without
	bucket  string            // the group expression that is the window, "" for TUMBLE's columns
	moved   []ast.Node        // conditions of joins that belong to WHERE
	bags    []*bag
}

// View plans the SELECT of a materialized view. The lookup returns the source
// of a name, [ErrView] for the name of a view, and (nil, nil) or an error of its
// own for a name that does not exist; when that is an *[Error], View returns it
// with the name's Offset. The schema is "" when the name has none.
//
// A statement that cannot be a view gives an *[Error]; other errors are the
// Binder's. Groups without windows end so long after their last row as ttl says,
// 0 for never; where they can't, the definition's TTL is nil. View does not set
// its Retention.
func View(ctx context.Context, b Binder, name, sql string, ttl time.Duration, lookup func(schema, name string) (*Source, error)) (*view.Definition, error) {
	branches, err := parse(ctx, b, sql)
	if err != nil {
		return nil, err
	}
	defs := make([]*view.Definition, len(branches))
	for i, st := range branches {
		if defs[i], err = planBranch(ctx, b, name, st, ttl, lookup); err != nil {
			return nil, err
		}
	}
	if len(defs) == 1 {
		return defs[0], nil
	}
	return union(ctx, b, branches[0], defs)
}

func planBranch(ctx context.Context, b Binder, name string, st *statement, ttl time.Duration, lookup func(schema, name string) (*Source, error)) (*view.Definition, error) {
	source, err := st.from.find(lookup)
	if err != nil {
		return nil, err
	}
	alone := source
	if source, err = st.from.findTables(source, lookup); err != nil {
		return nil, err
	}
	p := &planner{
		b: b, st: st, source: source,
		res:    &resolver{source: source, from: &st.from},
		stage:  &stage{binding: binding{b: b, relation: sourceRelation, columns: source.Columns}, source: source, index: make(map[string]int)},
		def:    &view.Definition{Name: name, Source: source.Name, SQL: st.sql, Where: -1},
		groups: make(map[string]string),
	}
	if c := st.from.window; c != nil {
		if err := c.check(alone); err != nil {
			return nil, err
		}
		p.stage.window = c.name
		if p.stage.start, p.stage.end, err = c.boundaries(ctx, b); err != nil {
			return nil, err
		}
	}
	if err := p.planJoins(ctx); err != nil {
		return nil, err
	}
	if err := p.plan(ctx); err != nil {
		return nil, err
	}
	if err := p.planTTL(ctx, ttl); err != nil {
		return nil, err
	}
	p.def.Exprs = p.stage.exprs
	p.windowColumn()
	p.compact()
	return p.def, nil
}

func (p *planner) plan(ctx context.Context) error {
	if err := p.resolveItems(p.st.sel); err != nil {
		return err
	}
	where, err := p.resolveClause(p.st.sel, "where_clause", inWhere)
	if err != nil {
		return err
	}
	where = p.withMoved(where)
	exprs, err := p.groupExprs()
	if err != nil {
		return err
	}
	if len(exprs) == 0 && !p.st.aggregates() {
		return p.planRows(ctx, where)
	}
	p.res.groups = make(map[string]bool)
	for _, n := range exprs {
		p.res.groups[n.Key()] = true
	}
	if where != nil {
		if err := noAggregates(where, "WHERE"); err != nil {
			return err
		}
		if p.def.Where, err = p.stage.addCondition(ctx, where); err != nil {
			return err
		}
	}
	if err := p.planGroups(ctx, exprs); err != nil {
		return err
	}
	return p.planResult(ctx)
}

// resolveItems expands * in the SELECT list and resolves its items, each of
// which sees the aliases before it.
func (p *planner) resolveItems(sel ast.Node) error {
	for _, n := range sel.List("select_list") {
		items, err := p.expand(n)
		if err != nil {
			return err
		}
		for _, written := range items {
			sc := scope{clause: inSelect, aliases: len(p.res.items)}
			resolved, err := p.res.resolve(written, sc)
			if err != nil {
				return err
			}
			p.res.items = append(p.res.items, item{alias: written.Str("alias"), written: written, resolved: resolved})
		}
	}
	return nil
}

// expand returns the columns that * and t.* stand for, or n itself.
func (p *planner) expand(n ast.Node) ([]ast.Node, error) {
	if n.Class() != "STAR" {
		return []ast.Node{n}, nil
	}
	if n.Flag("columns") || n["expr"] != nil || len(n.List("replace_list")) > 0 || notEmpty(n, "exclude_list") ||
		notEmpty(n, "qualified_exclude_list") || notEmpty(n, "rename_list") || notEmpty(n, "replace_list") {
		return nil, fail(codeUnsupported, n.Location(), "* with EXCLUDE, REPLACE or RENAME, and COLUMNS, are not supported in a materialized view").
			hint("list the columns")
	}
	if len(p.res.from.joins) > 0 {
		return p.expandJoined(n)
	}
	names := make([]string, 0, p.res.source.Visible+2)
	for _, c := range p.res.source.Columns[:p.res.source.Visible] {
		names = append(names, c.Name)
	}
	if p.res.from.window != nil {
		names = append(names, ast.WindowStart, ast.WindowEnd)
	}
	if q := n.Str("relation_name"); q != "" && len(p.res.unqualified([]string{q, "*"})) != 1 {
		return nil, fail(codeUndefinedTable, n.Location(), "missing FROM-clause entry for table %q", q).
			hint("the view reads from %q", p.res.from.qualifier())
	}
	columns := make([]ast.Node, len(names))
	for i, name := range names {
		columns[i] = ast.NewColumn(name).In(n)
	}
	return columns, nil
}

func notEmpty(n ast.Node, key string) bool {
	list, _ := n[key].([]any)
	return len(list) > 0
}

// resolveClause resolves a clause that sees all aliases, or returns nil.
func (p *planner) resolveClause(sel ast.Node, key string, c clause) (ast.Node, error) {
	n := sel.Child(key)
	if n == nil {
		return nil, nil
	}
	resolved, err := p.res.resolve(n, scope{clause: c, aliases: len(p.res.items)})
	if err == nil && c != inSelect {
		err = noOver(resolved, map[clause]string{inWhere: "WHERE", inHaving: "HAVING"}[c])
	}
	return resolved, err
}
