package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// join is a table that FROM joins to the source.
type join struct {
	relation
	left      bool
	condition ast.Node // behind ON; nil with USING
	using     []string // columns
	table     *Source
	start     int      // of its columns in the joined relation
	names     []string // of its columns in the joined relation
}

const joinHint = "write FROM source [LEFT] JOIN table ON source.column = table.column"

// readJoin reads a JOIN: on its left a source, perhaps joined already, on its
// right a table.
func (s *statement) readJoin(from ast.Node) (relation, error) {
	at := s.keyword("JOIN")
	r, err := s.readFrom(from.Child("left"))
	if err != nil {
		return r, err
	}
	j := &join{condition: from.Child("condition"), using: from.Strings("using_columns")}
	switch kind := from.Str("join_type"); {
	case from.Str("ref_type") != "REGULAR":
		return r, fail(codeUnsupported, at, "%s joins are not supported in a materialized view", from.Str("ref_type")).hint(joinHint)
	case kind == "LEFT":
		j.left = true
	case kind != "INNER":
		return r, fail(codeUnsupported, at, "%s joins are not supported in a materialized view", kind).hint(joinHint)
	}
	right := from.Child("right")
	if right.Kind() != "BASE_TABLE" {
		return r, fail(codeUnsupported, at, "only tables and sources of FORMAT UPSERT or DEBEZIUM can be joined to a source in a materialized view").hint(joinHint)
	}
	if j.relation, err = s.readFrom(right); err != nil {
		return r, err
	}
	for _, other := range append([]*join{{relation: r}}, r.joins...) {
		if strings.EqualFold(other.qualifier(), j.qualifier()) {
			return r, fail(codeDuplicateAlias, j.offset, "table name %q specified more than once", j.qualifier()).hint("give one of them an alias")
		}
	}
	r.joins = append(r.joins, j)
	return r, nil
}

// findTables looks the joined tables up and returns the columns of the source
// and of all tables as one relation. Columns of tables are called alias.column
// there, so that no two have the same name.
func (r *relation) findTables(source *Source, lookup func(schema, name string) (*Source, error)) (*Source, error) {
	if len(r.joins) == 0 {
		return source, nil
	}
	wide := *source
	wide.Columns = slices.Clone(source.Columns)
	for _, j := range r.joins {
		table, err := lookup(j.schema, j.name)
		switch {
		case err == nil && table == nil:
			return nil, fail(codeUndefinedTable, j.offset, "table %q does not exist", j.name).hint("create it with CREATE TABLE, or see SHOW TABLES")
		case err == nil && !table.Table:
			return nil, fail(codeUnsupported, j.offset, "%q is neither a table nor a source of FORMAT UPSERT or DEBEZIUM: joins of two streams are not supported yet", j.name).hint(joinHint)
		case err != nil:
			if _, err := j.find(lookup); err != nil {
				return nil, err
			}
			return nil, err
		}
		j.table, j.start = table, len(wide.Columns)
		for _, c := range table.Columns {
			name := j.qualifier() + "." + c.Name
			for wide.index(name) >= 0 {
				name += "_"
			}
			j.names = append(j.names, name)
			wide.Columns = append(wide.Columns, batch.Column{Name: name, Type: c.Type})
		}
	}
	return &wide, nil
}

// merged reports whether USING has made one column of a table's and the
// source's: without a qualifier the source's is meant.
func (j *join) merged(name string) bool {
	return slices.ContainsFunc(j.using, func(u string) bool { return strings.EqualFold(u, name) })
}

// joined turns a reference to a column of a joined relation into its name
// there. It returns nil for a name that none of them has, and reports the
// qualifiers of those that have it when there are several.
func (r *resolver) joined(names []string) (found []string, ambiguous []string) {
	if len(names) > 1 {
		for _, j := range r.from.joins {
			if i := j.table.index(names[1]); i >= 0 && strings.EqualFold(names[0], j.qualifier()) {
				return append([]string{j.names[i]}, names[2:]...), nil
			}
		}
		if strings.EqualFold(names[0], r.from.qualifier()) {
			return names[1:], nil
		}
	}
	own := r.sourceIndex(names[0]) >= 0 || r.from.window != nil &&
		(strings.EqualFold(names[0], ast.WindowStart) || strings.EqualFold(names[0], ast.WindowEnd) || strings.EqualFold(names[0], ast.WindowTime))
	if own {
		found, ambiguous = names, []string{r.from.qualifier()}
	}
	for _, j := range r.from.joins {
		if i := j.table.index(names[0]); i >= 0 && !j.merged(names[0]) {
			found = append([]string{j.names[i]}, names[1:]...)
			ambiguous = append(ambiguous, j.qualifier())
		}
	}
	if len(ambiguous) < 2 {
		ambiguous = nil
	}
	return found, ambiguous
}

// sourceIndex is the position of a column among those of the source itself.
func (r *resolver) sourceIndex(name string) int {
	i := r.source.index(name)
	if len(r.from.joins) > 0 && i >= r.from.joins[0].start {
		return -1
	}
	return i
}

// checkAmbiguous refuses a name that several relations have.
func (r *resolver) checkAmbiguous(n ast.Node, names []string) error {
	if len(r.from.joins) == 0 {
		return nil
	}
	if _, several := r.joined(names); several != nil {
		return fail(codeAmbiguousColumn, n.Location(), "column reference %q is ambiguous", names[0]).
			hint("write %s.%s or %s.%s", several[0], names[0], several[1], names[0])
	}
	return nil
}

// expandJoined returns the columns that * and t.* stand for.
func (p *planner) expandJoined(n ast.Node) ([]ast.Node, error) {
	qualifier := n.Str("relation_name")
	from := &p.st.from
	var columns []ast.Node
	add := func(relation string, names ...string) {
		for _, name := range names {
			columns = append(columns, ast.NewColumn(relation, name).In(n))
		}
	}
	if qualifier == "" || strings.EqualFold(qualifier, from.qualifier()) {
		for _, c := range p.source.Columns[:p.source.Visible] {
			add(from.qualifier(), c.Name)
		}
		if from.window != nil {
			add(from.qualifier(), ast.WindowStart, ast.WindowEnd)
		}
	}
	for _, j := range from.joins {
		if qualifier != "" && !strings.EqualFold(qualifier, j.qualifier()) {
			continue
		}
		for _, c := range j.table.Columns {
			if qualifier != "" || !j.merged(c.Name) {
				add(j.qualifier(), c.Name)
			}
		}
	}
	if columns == nil {
		return nil, fail(codeUndefinedTable, n.Location(), "missing FROM-clause entry for table %q", qualifier)
	}
	return columns, nil
}

// planJoins makes the definition's joins. Conditions that only pick rows of the
// result go to WHERE.
func (p *planner) planJoins(ctx context.Context) error {
	all := p.st.from
	for i, j := range all.joins {
		before, upto := all, all
		before.joins, upto.joins = all.joins[:i], all.joins[:i+1]
		c := joinConditions{p: p, j: j, out: view.Join{Table: j.table.Name, Left: j.left}}
		for _, name := range j.using {
			if err := c.addUsing(ctx, &before, name); err != nil {
				return err
			}
		}
		if j.condition != nil {
			res := &resolver{source: p.source, from: &upto}
			resolved, err := res.resolve(j.condition, scope{clause: inWhere})
			if err != nil {
				return err
			}
			if err := noAggregates(resolved, "JOIN conditions"); err != nil {
				return err
			}
			for _, part := range andParts(resolved) {
				if err := c.add(ctx, part); err != nil {
					return err
				}
			}
		}
		if err := c.finish(ctx); err != nil {
			return err
		}
		for k, column := range j.table.Columns {
			c.out.Columns = append(c.out.Columns, view.JoinColumn{Name: j.names[k], Column: column.Name, Type: column.Type})
		}
		p.def.Joins = append(p.def.Joins, c.out)
	}
	for i := range p.source.Columns {
		if len(all.joins) > 0 && i < all.joins[0].start {
			p.def.SourceColumns = append(p.def.SourceColumns, i)
		}
	}
	return nil
}

// andParts returns the conditions that AND connects.
func andParts(n ast.Node) []ast.Node {
	if n.Class() != "CONJUNCTION" || n.Kind() != "CONJUNCTION_AND" {
		return []ast.Node{n}
	}
	var parts []ast.Node
	for _, c := range n.List("children") {
		parts = append(parts, andParts(c)...)
	}
	return parts
}

// newConjunction connects conditions by AND; those that are nil it leaves out.
func newConjunction(parts []ast.Node) ast.Node {
	parts = slices.DeleteFunc(slices.Clone(parts), func(n ast.Node) bool { return n == nil })
	switch len(parts) {
	case 0:
		return nil
	case 1:
		return parts[0]
	}
	list := make([]any, len(parts))
	for i, part := range parts {
		list[i] = part
	}
	return ast.Node{"class": "CONJUNCTION", "type": "CONJUNCTION_AND", "alias": "", "children": list}
}

// joinConditions sorts the conditions of one join.
type joinConditions struct {
	p      *planner
	j      *join
	out    view.Join
	guards []ast.Node // over the rows so far: where one is not true, nothing matches
	table  []ast.Node // over the table's rows alone
}

// sides tells whether an expression reads the rows so far, and the table.
func (c *joinConditions) sides(n ast.Node) (rows, table bool) {
	switch {
	case n.Class() == ast.ClassWindow:
		return true, false
	case n.Class() == "COLUMN_REF" && !n.Flag(ast.LambdaMark):
		i := c.p.source.index(n.Strings("column_names")[0])
		return i < c.j.start, i >= c.j.start
	}
	ast.EachChild(n, func(child ast.Node) {
		r, t := c.sides(child)
		rows, table = rows || r, table || t
	})
	return rows, table
}

func (c *joinConditions) addUsing(ctx context.Context, before *relation, name string) error {
	at := c.j.table.index(name)
	if at < 0 {
		return fail(codeUndefinedColumn, c.j.offset, "column %q specified in USING clause does not exist in table %q", name, c.j.name)
	}
	res := &resolver{source: c.p.source, from: before}
	row, err := res.resolve(ast.NewColumn(name), scope{clause: inWhere})
	if err != nil {
		return err
	}
	if c.p.source.index(row.Strings("column_names")[0]) >= c.j.start {
		return fail(codeUndefinedColumn, c.j.offset, "column %q specified in USING clause does not exist in the left table", name)
	}
	return c.addKey(ctx, row, ast.NewColumn(c.j.names[at]))
}

func (c *joinConditions) add(ctx context.Context, n ast.Node) error {
	if n.Class() == "COMPARISON" && n.Kind() == "COMPARE_EQUAL" {
		a, b := n.Child("left"), n.Child("right")
		aRows, aTable := c.sides(a)
		bRows, bTable := c.sides(b)
		switch {
		case aRows && !aTable && bTable && !bRows:
			return c.addKey(ctx, a, b)
		case bRows && !bTable && aTable && !aRows:
			return c.addKey(ctx, b, a)
		}
	}
	switch rows, table := c.sides(n); {
	case table && !rows:
		c.table = append(c.table, n)
	case !c.j.left:
		c.p.moved = append(c.p.moved, n)
	case !table:
		c.guards = append(c.guards, n)
	default:
		return fail(codeUnsupported, n.Location(), "this condition of a LEFT JOIN is not supported in a materialized view").
			hint("equalities and conditions on one side alone are; an inner JOIN takes any condition")
	}
	return nil
}

// addKey adds the equality of an expression over the rows so far with one over
// the table, in the type in which DuckDB would compare them.
func (c *joinConditions) addKey(ctx context.Context, row, table ast.Node) error {
	rowSQL, rowType, err := c.typed(ctx, row)
	if err != nil {
		return err
	}
	tableSQL, tableType, err := c.typed(ctx, table)
	if err != nil {
		return err
	}
	if collated(row, rowType) {
		return refuseCollation(row, "a join")
	}
	if collated(table, tableType) {
		return refuseCollation(table, "a join")
	}
	at := row.Location()
	common, err := c.commonType(ctx, rowSQL, rowType, tableSQL, tableType, at)
	if err != nil {
		return err
	}
	t, ok := representable(common)
	if !ok || t.Kind == batch.Interval {
		return fail(codeUnsupported, at, "a join by values of the type %s is not supported in a materialized view", common).hint("cast them, for example to VARCHAR")
	}
	if tableSQL, err = c.overTable(ctx, table); err != nil {
		return err
	}
	if tableType != common {
		tableSQL = "CAST(" + tableSQL + " AS " + common + ")"
	}
	key := view.JoinKey{Row: view.Expr{SQL: rowSQL, Type: t, Column: c.p.stage.columnIndex(row)}, Table: tableSQL}
	if rowType != common {
		key.Row.SQL, key.Row.Column = "CAST("+rowSQL+" AS "+common+")", -1
	}
	c.out.Keys = append(c.out.Keys, key)
	return nil
}

// typed returns the text of an expression and the name of its type.
func (c *joinConditions) typed(ctx context.Context, n ast.Node) (sql, typeName string, err error) {
	if n, err = c.p.stage.scalar(n); err != nil {
		return "", "", err
	}
	return c.p.stage.binding.typeOf(ctx, n)
}

// commonType is the type in which two values are compared. Only numbers and
// times are converted: what text is compared with, is for the user to say.
func (c *joinConditions) commonType(ctx context.Context, a, aType, b, bType string, at int) (string, error) {
	if aType == bType {
		return aType, nil
	}
	x, xOK := representable(aType)
	y, yOK := representable(bType)
	if !xOK || !yOK || !(isNumber(x) && isNumber(y) || isTime(x) && isTime(y)) {
		return "", fail(codeDatatypeMismatch, at, "cannot compare values of type %s and type %s in a join", aType, bType).
			hint("cast one of them to the other's type")
	}
	fields, err := c.p.stage.describe(ctx, fmt.Sprintf("SELECT CASE WHEN true THEN (%s) ELSE (%s) END FROM %s", a, b, sourceRelation))
	if err != nil {
		return "", bindError(at, err)
	}
	return fields[0].Type, nil
}

func isNumber(t batch.Type) bool { return t.Kind >= batch.TinyInt && t.Kind <= batch.Decimal }

func isTime(t batch.Type) bool { return t.Kind == batch.Date || isTimestamp(t) }

// overTable returns the text of an expression over the table's own columns.
func (c *joinConditions) overTable(ctx context.Context, n ast.Node) (string, error) {
	return deparseExpr(ctx, c.p.b, c.ownNames(n))
}

func (c *joinConditions) ownNames(n ast.Node) ast.Node {
	if n.Class() == "COLUMN_REF" && !n.Flag(ast.LambdaMark) {
		names := n.Strings("column_names")
		own := c.j.table.Columns[c.p.source.index(names[0])-c.j.start].Name
		return ast.NewColumn(append([]string{own}, names[1:]...)...).In(n)
	}
	out, _ := ast.MapChildren(n, func(child ast.Node) (ast.Node, error) { return c.ownNames(child), nil })
	return out
}

// finish makes the conditions of one side part of the join.
func (c *joinConditions) finish(ctx context.Context) error {
	if len(c.out.Keys) == 0 {
		return fail(codeUnsupported, c.j.offset, "a join without an equality is not supported in a materialized view").hint(joinHint)
	}
	boolean := func(n ast.Node) (ast.Node, error) {
		_, t, err := c.typed(ctx, n)
		if err == nil && t != "BOOLEAN" {
			n = ast.NewCast(n, "BOOLEAN").In(n)
		}
		return n, err
	}
	for i := range c.table {
		var err error
		if c.table[i], err = boolean(c.table[i]); err != nil {
			return err
		}
	}
	if condition := newConjunction(c.table); condition != nil {
		var err error
		if c.out.Where, err = c.overTable(ctx, condition); err != nil {
			return err
		}
	}
	for _, guard := range c.guards {
		sql, _, err := c.typed(ctx, guard)
		if err != nil {
			return err
		}
		key := &c.out.Keys[0].Row
		key.SQL, key.Column = "CASE WHEN ("+sql+") THEN "+key.SQL+" END", -1
	}
	return nil
}

// describeOriginal describes SQL over the source and the tables themselves.
func (p *planner) describeOriginal(ctx context.Context, sql string) ([]Field, error) {
	joins := p.st.from.joins
	if len(joins) == 0 {
		return p.stage.describe(ctx, sql)
	}
	tables := map[string][]batch.Column{sourceRelation: p.source.Columns[:joins[0].start]}
	for _, j := range joins {
		tables[j.name] = j.table.Columns
	}
	return p.b.Describe(ctx, sql, tables)
}

// withMoved adds the conditions that joins have moved to WHERE.
func (p *planner) withMoved(where ast.Node) ast.Node {
	return newConjunction(append([]ast.Node{where}, p.moved...))
}

// compact leaves columns out of the definition's joins that nothing reads. It
// keeps one too many rather than one too few: a column counts as read when its
// name occurs in the text of an expression.
func (p *planner) compact() {
	d := p.def
	if len(d.Joins) == 0 {
		return
	}
	var exprs []*view.Expr
	var texts strings.Builder
	for i := range d.Exprs {
		exprs = append(exprs, &d.Exprs[i])
	}
	for i := range d.Joins {
		for k := range d.Joins[i].Keys {
			exprs = append(exprs, &d.Joins[i].Keys[k].Row)
		}
	}
	read := make(map[int]bool)
	for _, e := range exprs {
		if e.Column >= 0 {
			read[e.Column] = true
		}
		for _, c := range e.Conjuncts {
			read[c.Column] = true
		}
		if !e.Native() {
			texts.WriteString(strings.ToLower(e.SQL) + " ")
		}
	}
	text := texts.String()
	moved := make(map[int]int) // old index → new
	keep := func(old int) bool {
		name := strings.ToLower(p.source.Columns[old].Name)
		if !read[old] && !strings.Contains(text, name) && !strings.Contains(text, strings.ReplaceAll(name, `"`, `""`)) {
			return false
		}
		moved[old] = len(moved)
		return true
	}
	d.SourceColumns = slices.DeleteFunc(d.SourceColumns, func(i int) bool { return !keep(i) })
	for i, j := range p.st.from.joins {
		at := j.start - 1
		d.Joins[i].Columns = slices.DeleteFunc(d.Joins[i].Columns, func(view.JoinColumn) bool { at++; return !keep(at) })
	}
	for _, e := range exprs {
		if e.Column >= 0 {
			e.Column = moved[e.Column]
		}
		for k := range e.Conjuncts {
			e.Conjuncts[k].Column = moved[e.Conjuncts[k].Column]
		}
	}
}

// Tables says what BatchSQL puts in the place of the tables that a view joins,
// and what it leaves out.
type Tables struct {
	// Relation returns a table's relation as SQL text; nil: its name.
	Relation func(table string) string
	// On returns one more condition of the join of a source and a table, given
	// their names in the statement; nil: none.
	On func(source, table string) string
	// Windows is a condition on the rows of a window function, window_start and
	// window_end among their columns; "": none.
	Windows string
	// Sessions is a condition on the rows that sessions consist of, with the
	// columns of the source and, by their qualifiers, of the tables; "": none.
	Sessions string
}

// rejoin returns the FROM clause with source in the place of the source, and
// the joined tables as t says.
func (s *statement) rejoin(ctx context.Context, b Binder, from ast.Node, source any, t Tables) (any, error) {
	if from.Kind() != "JOIN" {
		return source, nil
	}
	left, err := s.rejoin(ctx, b, from.Child("left"), source, t)
	if err != nil {
		return nil, err
	}
	right, err := s.readFrom(from.Child("right"))
	if err != nil {
		return nil, err
	}
	relation := quote(right.name)
	if t.Relation != nil {
		relation = t.Relation(right.name)
	}
	own, err := parseOwn(ctx, b, "SELECT * FROM "+relation+" AS "+quote(right.qualifier()))
	if err != nil {
		return nil, err
	}
	out := make(ast.Node, len(from))
	for key, v := range from {
		out[key] = v
	}
	out["left"], out["right"] = left, own["from_table"]
	if out.Child("condition") != nil {
		out["condition"] = s.withoutSchema(out.Child("condition"))
	}
	if t.On != nil {
		items, err := parseItems(ctx, b, "SELECT "+t.On(quote(s.from.qualifier()), quote(right.qualifier())))
		if err != nil {
			return nil, err
		}
		out["condition"] = newConjunction([]ast.Node{out.Child("condition"), items[0]})
	}
	return out, nil
}
