package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/engine/window"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// input is what a SELECT after the aggregation reads: the state, or the rows of
// the SELECT inside it.
type input struct {
	binding
	text   string            // its SQL in Definition.Result
	names  []string          // of its columns
	fields []Field           // their types, in a SELECT
	window map[string]string // which of them are windowStart and windowEnd
}

func (in *input) hasWindow() bool { return len(in.window) > 0 }

// newInput returns a relation over the state's columns, given as SQL that has
// placeholders in the places of the state and of bags.
func (p *planner) newInput(text string, names []string, window map[string]string) (*input, error) {
	state, err := p.state()
	if err != nil {
		return nil, err
	}
	in := &input{binding: *state, text: text, names: names, window: window}
	pairs := []string{statePlaceholder, stateRelation}
	for _, b := range p.bags {
		pairs = append(pairs, bagPlaceholder(b.at), bagRelation(b.at))
	}
	in.from = strings.NewReplacer(pairs...).Replace(text)
	return in, nil
}

// stateInput is what the innermost SELECT reads.
func (p *planner) stateInput() (*input, error) {
	state, err := p.state()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range state.columns {
		names = append(names, c.Name)
	}
	for _, b := range p.bags {
		names = append(names, b.columns()...)
	}
	return p.newInput(p.withBags(statePlaceholder, bagPlaceholder), names, map[string]string{ast.WindowStart: ast.WindowStart, ast.WindowEnd: ast.WindowEnd})
}

// output is a column of a SELECT.
type output struct {
	name, sql string
	n         ast.Node
}

// selection is one SELECT after the aggregation, its names replaced by columns
// of its input.
type selection struct {
	modifiers
	outputs         []output
	filter, qualify ast.Node // HAVING or WHERE, and QUALIFY; nil for none
	outermost       bool     // its columns are the view's
}

// planResult writes stage three: the SELECT list and HAVING over the state, and
// the SELECTs around that.
func (p *planner) planResult(ctx context.Context) error {
	s, err := p.readSelection(p.st.sel, "having", inHaving)
	if err != nil {
		return err
	}
	if !p.st.aggregates() {
		s.distinct = false // the groups are
	}
	translate := func(n ast.Node) (ast.Node, error) { return p.afterAggregation(ctx, n) }
	if err := s.translate(translate); err != nil {
		return err
	}
	if p.def.Window == nil && len(p.def.Keys)+len(p.def.Aggregates) == 0 {
		// The state has at least one column, even if the result reads none.
		p.def.Aggregates = append(p.def.Aggregates, view.Aggregate{Func: aggregate.CountStar, Filter: -1})
	}
	in, err := p.stateInput()
	if err != nil {
		return err
	}
	core := make([]any, len(p.res.items))
	for i, it := range p.res.items {
		core[i] = it.written
	}
	for i := range len(p.st.outer) + 1 {
		if i > 0 {
			if s, err = p.readOuter(&p.st.outer[i-1], in); err != nil {
				return err
			}
		}
		sql, err := p.st.over(ctx, p.b, sourceRelation, core, i)
		if err != nil {
			return err
		}
		s.outermost = i == len(p.st.outer)
		want, err := p.describeOriginal(ctx, sql)
		if in, err = p.planSelection(ctx, s, in, want, err); err != nil {
			return err
		}
	}
	p.def.Result = strings.TrimSuffix(strings.TrimPrefix(in.text, "("), ")")
	if strings.Count(p.def.Result, statePlaceholder) != 1 {
		return fail(codeUnsupported, -1, "a materialized view cannot contain the text %s", statePlaceholder)
	}
	return p.setColumns(in, s)
}

// readSelection resolves the clauses of a SELECT whose items are resolved.
func (p *planner) readSelection(sel ast.Node, filter string, c clause) (*selection, error) {
	s := &selection{}
	for _, it := range p.res.items {
		name := p.outputName(it)
		for _, o := range s.outputs {
			if strings.EqualFold(o.name, name) {
				return nil, fail(codeDuplicateColumn, it.written.Location(), "column %q specified more than once", name).
					hint("give one of them an alias: … AS name")
			}
		}
		s.outputs = append(s.outputs, output{name: name, n: it.resolved})
	}
	var err error
	if s.filter, err = p.resolveClause(sel, filter, c); err != nil {
		return nil, err
	}
	if s.qualify, err = p.resolveClause(sel, "qualify", inSelect); err != nil {
		return nil, err
	}
	if s.modifiers, err = p.readModifiers(sel); err != nil {
		return nil, err
	}
	return s, p.checkQualify(sel, s)
}

func (p *planner) checkQualify(sel ast.Node, s *selection) error {
	if s.qualify == nil || ast.Find(s.qualify, isOver) != nil || slices.ContainsFunc(s.outputs, func(o output) bool { return ast.Find(o.n, isOver) != nil }) {
		return nil
	}
	return fail(codeWindowing, sel.Child("qualify").Location(), "QUALIFY needs a window function, in its condition or in the SELECT list").
		hint("write a condition on groups in HAVING")
}

// readOuter resolves a SELECT around another one, which gives the input.
func (p *planner) readOuter(o *outer, in *input) (*selection, error) {
	rows := &Source{Name: o.qualifier(), Visible: len(in.names)}
	for i, f := range in.fields {
		t, ok := holdable(f.Type)
		if !ok {
			t.Kind = batch.JSON // DuckDB knows its fields
		}
		rows.Columns = append(rows.Columns, batch.Column{Name: in.names[i], Type: t})
	}
	p.res = &resolver{source: rows, from: &relation{name: rows.Name}}
	if err := p.resolveItems(o.sel); err != nil {
		return nil, err
	}
	return p.readSelection(o.sel, "where_clause", inWhere)
}

// translate replaces every expression.
func (s *selection) translate(f func(ast.Node) (ast.Node, error)) (err error) {
	for i := range s.outputs {
		if s.outputs[i].n, err = f(s.outputs[i].n); err != nil {
			return err
		}
	}
	for i := range s.orders {
		if s.orders[i].n, err = f(s.orders[i].n); err != nil {
			return err
		}
	}
	for _, n := range []*ast.Node{&s.filter, &s.qualify} {
		if *n == nil {
			continue
		}
		if *n, err = f(*n); err != nil {
			return err
		}
	}
	return nil
}

// planSelection returns the rows of a SELECT over an input. want is the columns
// that plain DuckDB describes for the same SELECT over the source; what it
// refuses is an error here as well, if no part of the SELECT is at fault.
func (p *planner) planSelection(ctx context.Context, s *selection, in *input, want []Field, refused error) (*input, error) {
	o := &overs{p: p, in: in, index: make(map[string]int)}
	if err := s.translate(func(n ast.Node) (ast.Node, error) { return o.extract(ctx, n) }); err != nil {
		return nil, err
	}
	filter, err := condition(ctx, in, s.filter)
	if err != nil {
		return nil, err
	}
	rows := in
	if len(o.calls) > 0 {
		if rows, err = p.newInput(o.from(filter), in.names, in.window); err != nil {
			return nil, err
		}
		if filter, err = condition(ctx, rows, s.qualify); err != nil {
			return nil, err
		}
	}
	for i := range s.outputs {
		if s.outputs[i].sql, err = deparseExpr(ctx, p.b, s.outputs[i].n); err != nil {
			return nil, err
		}
	}
	if err := p.castOutputs(ctx, s, rows, filter, want, refused); err != nil {
		return nil, err
	}
	from := rows.text
	if filter != "" {
		from += " WHERE " + filter
	}
	tolerant(s.outputs)
	if err := p.checkDistinct(s, in); err != nil {
		return nil, err
	}
	sql, err := s.apply(ctx, p.b, s.outputs, from)
	if err != nil {
		return nil, err
	}
	names, windows := make([]string, len(s.outputs)), make(map[string]string)
	for i, out := range s.outputs {
		names[i] = out.name
		if column := out.n.Strings("column_names"); out.n.Class() == "COLUMN_REF" && len(column) == 1 && in.window[column[0]] != "" {
			windows[out.name] = in.window[column[0]]
		}
	}
	next, err := p.newInput("("+sql+")", names, windows)
	if err == nil {
		next.fields = want
	}
	return next, err
}

// condition is a condition that is not true where it fails.
func condition(ctx context.Context, in *input, n ast.Node) (string, error) {
	if n == nil {
		return "", nil
	}
	sql, _, err := in.typeOf(ctx, n)
	return try(sql), err
}

// castOutputs gives every output the type that it has in DuckDB: what the
// statement yields over the source decides, and a cast makes up a difference.
func (p *planner) castOutputs(ctx context.Context, s *selection, rows *input, filter string, want []Field, refused error) error {
	for _, o := range s.orders {
		if _, _, err := rows.typeOf(ctx, o.n); err != nil {
			return err
		}
	}
	list := make([]string, len(s.outputs))
	for i, o := range s.outputs {
		list[i] = o.sql + " AS " + quote(o.name)
	}
	sql := "SELECT " + strings.Join(list, ", ") + " FROM " + rows.reads()
	if filter != "" {
		sql += " WHERE " + filter
	}
	have, err := rows.describe(ctx, sql)
	if err != nil {
		for _, o := range s.outputs {
			if _, _, err := rows.typeOf(ctx, o.n); err != nil {
				return err
			}
		}
		return bindError(-1, err)
	}
	if refused != nil {
		return p.refusal(refused)
	}
	if len(have) != len(s.outputs) || len(want) != len(s.outputs) {
		return fmt.Errorf("describe view: %d and %d columns for %d outputs", len(have), len(want), len(s.outputs))
	}
	for i := range s.outputs {
		if o := &s.outputs[i]; have[i].Type != want[i].Type {
			o.sql = "CAST(" + o.sql + " AS " + want[i].Type + ")"
		}
		if _, ok := holdable(want[i].Type); s.outermost && !ok && isNested(want[i].Type) {
			o := &s.outputs[i]
			o.sql, o.n = asJSON(o.sql, want[i].Type), ast.Node{}
			want[i].Type = "JSON"
		}
	}
	return nil
}

// refusal is DuckDB's reason to refuse a SELECT of which every part is right.
func (p *planner) refusal(cause error) error {
	over := ast.Find(p.st.sel.Child("qualify"), isOver)
	for _, n := range p.st.sel.List("select_list") {
		if over == nil {
			over = ast.Find(n, isOver)
		}
	}
	if p.st.groupsAll() && over != nil {
		return fail(codeUnsupported, over.Location(), "this window function cannot be combined with GROUP BY ALL").
			hint("list the columns in GROUP BY")
	}
	return bindError(-1, cause)
}

// tolerant makes the outputs NULL in place of an error. One group whose value
// can't be computed must not keep a checkpoint from moving its window into
// history, nor hide the other groups from readers; stage one treats a batch's
// rows in the same way.
func tolerant(outputs []output) {
	for i := range outputs {
		if outputs[i].n.Class() != "COLUMN_REF" {
			outputs[i].sql = try(outputs[i].sql)
		}
	}
}

func try(sql string) string {
	if sql == "" {
		return ""
	}
	return "TRY(" + sql + ")"
}

// checkDistinct refuses DISTINCT over the rows of several windows.
func (p *planner) checkDistinct(s *selection, in *input) error {
	if !s.distinct || p.def.Window == nil {
		return nil
	}
	columns := make([]ast.Node, len(s.outputs))
	for i, o := range s.outputs {
		columns[i] = o.n
	}
	if !p.sameWindow(columns, in) || p.def.Window.Kind == window.Session {
		return fail(codeUnsupported, max(p.st.keyword("DISTINCT"), s.outputs[0].n.Location()), "SELECT DISTINCT over the rows of several windows is not supported in a materialized view").
			hint("windows close one by one: add %s to the SELECT list, or write DISTINCT in the query that reads the view", p.windowText())
	}
	return nil
}

// state describes expressions over the state's columns.
func (p *planner) state() (*binding, error) {
	p.def.Exprs = p.stage.exprs
	columns, err := p.def.StateColumns()
	return &binding{
		b: p.b, relation: stateRelation, columns: columns,
		from: p.withBags(stateRelation, bagRelation), more: p.bagTables(),
	}, err
}

// setColumns sets the view's columns from those of its outermost SELECT.
func (p *planner) setColumns(in *input, s *selection) error {
	for i, f := range in.fields {
		t, ok := holdable(f.Type)
		if !ok {
			return typeError(p.res.items[i].written, fmt.Sprintf("column %q", s.outputs[i].name), f.Type)
		}
		p.def.Columns = append(p.def.Columns, batch.Column{Name: s.outputs[i].name, Type: t})
	}
	return nil
}
