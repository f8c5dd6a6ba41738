package plan

import (
	"context"
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/engine/window"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// planRows plans a view without aggregation: every row of the source that
// passes WHERE is a row of the view.
func (p *planner) planRows(ctx context.Context, where ast.Node) (err error) {
	if err := p.checkRows(); err != nil {
		return err
	}
	if where != nil {
		if p.def.Where, err = p.stage.addCondition(ctx, where); err != nil {
			return err
		}
	}
	p.def.Select = []int{}
	for _, it := range p.res.items {
		if o := ast.Find(it.resolved, isOver); o != nil {
			return fail(codeUnsupported, o.Location(), "%s(…) OVER the rows of a source is not supported in a materialized view", o.Str("function_name")).
				hint("group the rows: a view keeps OVER the groups of a window")
		}
		name := p.outputName(it)
		if p.st.later { // the first SELECT of a UNION ALL names the columns
			name = fmt.Sprint("column", len(p.def.Columns))
		}
		if err := p.checkName(it, name); err != nil {
			return err
		}
		i, err := p.stage.addRow(ctx, it.resolved)
		if err != nil {
			return err
		}
		p.def.Select = append(p.def.Select, i)
		p.def.Columns = append(p.def.Columns, batch.Column{Name: name, Type: p.stage.exprs[i].Type})
		if c := p.stage.columnIndex(it.resolved); c >= 0 && p.def.EventTime == "" && strings.EqualFold(p.source.Columns[c].Name, p.source.EventTime) {
			p.def.EventTime = name
		}
	}
	return nil
}

// checkName refuses a column's name that the view has already, or that the
// place of its rows in the stream takes.
func (p *planner) checkName(it item, name string) error {
	for _, c := range p.def.Columns {
		if strings.EqualFold(c.Name, name) {
			return fail(codeDuplicateColumn, it.written.Location(), "column %q specified more than once", name).hint("give one of them an alias: … AS name")
		}
	}
	for _, c := range batch.MetadataColumns() {
		if strings.EqualFold(c.Name, name) {
			return fail(codeDuplicateColumn, it.written.Location(), "column %q of a view without aggregation is its own", name).
				hint("give it an alias: … AS source%s", name)
		}
	}
	return nil
}

// checkRows refuses the clauses that need rows to be compared with others.
func (p *planner) checkRows() error {
	sel := p.st.sel
	for _, m := range sel.List("modifiers") {
		switch m.Kind() {
		case "ORDER_MODIFIER", "LIMIT_MODIFIER":
			return p.st.unsupported("ORDER BY and LIMIT without aggregation", p.st.keyword("ORDER", "LIMIT"), "write them in the query that reads the view")
		}
	}
	if sel["qualify"] != nil {
		return p.st.unsupported("QUALIFY without aggregation", p.st.keyword("QUALIFY"), "group the rows: a view keeps OVER the groups of a window")
	}
	if len(p.st.outer) > 0 {
		return p.st.unsupported("a SELECT from another one without aggregation", p.st.keyword("FROM"), "write one SELECT over the source, or a view over a view")
	}
	return nil
}

// windowColumn finds the column by which the stream of closed windows can be
// windowed again: their start; for sessions, which may have begun at any time
// before, their end.
func (p *planner) windowColumn() {
	if p.def.Window == nil || len(p.st.outer) > 0 || len(p.res.items) != len(p.def.Columns) {
		return
	}
	bound := ast.WindowStart
	if p.def.Window.Kind == window.Session {
		bound = ast.WindowEnd
	}
	for i, it := range p.res.items {
		if it.resolved.Class() == ast.ClassWindow && it.resolved.Kind() == bound || p.groups[it.resolved.Key()] == bound {
			p.def.EventTime = p.def.Columns[i].Name
			return
		}
	}
}

// branches splits a UNION ALL into its SELECTs; any other node is one.
func (s *statement) branches(n ast.Node) ([]ast.Node, error) {
	if n.Kind() != "SET_OPERATION_NODE" {
		return []ast.Node{n}, nil
	}
	if n.Str("setop_type") != "UNION" || !n.Flag("setop_all") {
		return nil, s.unsupported("UNION, INTERSECT and EXCEPT", s.keyword("UNION", "INTERSECT", "EXCEPT"),
			"write UNION ALL, or create one view for each SELECT and combine them in the query that reads them")
	}
	if notEmpty(n, "modifiers") {
		return nil, s.unsupported("ORDER BY and LIMIT without aggregation", s.keyword("ORDER", "LIMIT"), "write them in the query that reads the view")
	}
	if len(n.Child("cte_map").List("map")) > 0 {
		return nil, s.unsupported("WITH before UNION ALL", s.keyword("WITH"), "write each SELECT over its source")
	}
	children := n.List("children")
	if len(children) == 0 {
		children = []ast.Node{n.Child("left"), n.Child("right")}
	}
	var all []ast.Node
	for _, c := range children {
		list, err := s.branches(c)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// union makes one view of the plans of a UNION ALL's SELECTs. Columns have the
// names of the first and the types that UNION gives them.
func union(ctx context.Context, b Binder, s *statement, defs []*view.Definition) (*view.Definition, error) {
	first := defs[0]
	at := s.keyword("UNION")
	var selects []string
	for _, d := range defs {
		if !d.AppendOnly() {
			return nil, s.unsupported("UNION ALL of SELECTs that aggregate", at, "create one view for each SELECT and combine them in the query that reads them")
		}
		if len(d.Columns) != len(first.Columns) {
			return nil, fail(codeSyntax, at, "each UNION ALL query must have the same number of columns")
		}
		nulls := make([]string, len(d.Columns))
		for i, c := range d.Columns {
			value := fmt.Sprintf("NULL::%s", c.Type)
			if d.Exprs[d.Select[i]].SQL == "NULL" { // by itself it has the type of the others
				value = "NULL"
			}
			nulls[i] = value + " AS " + quote(first.Columns[i].Name)
		}
		selects = append(selects, "SELECT "+strings.Join(nulls, ", "))
		if position(d, d.EventTime) != position(first, first.EventTime) {
			first.EventTime = ""
		}
	}
	fields, err := b.Describe(ctx, strings.Join(selects, " UNION ALL "), nil)
	if err != nil {
		return nil, bindError(at, err)
	}
	for _, d := range defs {
		for i, f := range fields {
			if err := unify(d, i, f.Type, at); err != nil {
				return nil, err
			}
			d.Columns[i].Name = first.Columns[i].Name
		}
	}
	for _, d := range defs[1:] {
		d.EventTime = first.EventTime
		first.Union = append(first.Union, *d)
	}
	return first, nil
}

// position returns the number of a column, -1 if there is none.
func position(d *view.Definition, name string) int {
	for i, c := range d.Columns {
		if name != "" && strings.EqualFold(c.Name, name) {
			return i
		}
	}
	return -1
}

// unify casts column i of a branch to a type.
func unify(d *view.Definition, i int, typeName string, at int) error {
	t, ok := holdable(typeName)
	if !ok {
		return fail(codeUnsupported, at, "column %q has the type %s, which a materialized view cannot keep", d.Columns[i].Name, typeName)
	}
	e := d.Exprs[d.Select[i]]
	if e.Type != t {
		d.Exprs = append(d.Exprs, view.Expr{SQL: fmt.Sprintf("CAST(%s AS %s)", e.SQL, t), Type: t, Column: -1})
		d.Select[i] = len(d.Exprs) - 1
	}
	d.Columns[i].Type = t
	return nil
}
