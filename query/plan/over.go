package plan

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/millstream-db/millstream/engine/window"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// isOver reports whether n is a window function: a call with OVER.
func isOver(n ast.Node) bool { return n.Class() == "WINDOW" }

// Window functions that cannot fail on any row once their arguments are
// computed. TRY, which otherwise keeps one bad group from failing all of a
// view, does not go around a window function.
var safeOver = set(
	"row_number", "rank", "dense_rank", "rank_dense", "percent_rank", "cume_dist", "ntile", "lag", "lead",
	"first_value", "first", "last_value", "last", "nth_value", "any_value", "arbitrary",
	"count", "count_star", "count_if", "countif", "min", "max", "bool_and", "bool_or", "bit_and", "bit_or", "bit_xor",
	"arg_min", "argmin", "min_by", "arg_max", "argmax", "max_by", "mode", "approx_count_distinct",
	"list", "array_agg", "string_agg", "group_concat", "listagg", "product", "fsum", "kahan_sum", "sumkahan", "favg",
)

// Sums of numbers with more than 18 digits can overflow; see guard.
var sumOver = set("sum", "avg", "mean")

// overClause refuses a window function where none can stand.
func overClause(n ast.Node, sc scope) error {
	where := map[clause]string{inWhere: "WHERE", inGroup: "GROUP BY", inHaving: "HAVING"}[sc.clause]
	switch {
	case sc.aggregate:
		return fail(codeGrouping, n.Location(), "aggregate function calls cannot contain window function calls")
	case sc.over:
		return fail(codeWindowing, n.Location(), "window function calls cannot be nested")
	case where != "":
		return noOver(n, where)
	}
	return nil
}

// noOver refuses a window function in a clause that is computed before them.
func noOver(n ast.Node, where string) error {
	if o := ast.Find(n, isOver); o != nil {
		e := fail(codeWindowing, n.Location(), "window functions are not allowed in %s", where)
		if where == "GROUP BY" {
			return e.hint("group first, and write OVER in a SELECT over the groups")
		}
		return e.hint("write the condition in QUALIFY")
	}
	return nil
}

// windowText is how a statement names the window of its rows.
func (p *planner) windowText() string {
	if p.bucket != "" {
		return p.bucket
	}
	return "window_start, window_end"
}

// sameWindow reports whether rows with equal values of the given columns, of
// those in the input, are of one window.
func (p *planner) sameWindow(columns []ast.Node, in *input) bool {
	var start, end bool
	for _, n := range columns {
		if names := n.Strings("column_names"); n.Class() == "COLUMN_REF" && len(names) == 1 {
			start = start || in.window[names[0]] == ast.WindowStart
			end = end || in.window[names[0]] == ast.WindowEnd
		}
	}
	if p.def.Window.Kind == window.Cumulate { // windows that grow from the same start
		return end
	}
	return start || end
}

// checkOver refuses a window function that a view cannot keep.
func (p *planner) checkOver(n ast.Node, in *input) error {
	name, at := n.Str("function_name"), n.Location()
	if w := p.def.Window; w != nil && w.Kind == window.Session {
		return fail(codeUnsupported, at, "%s(…) OVER is not supported in a materialized view with session windows", name).
			hint("each group has sessions of its own, which close one by one: write OVER in the query that reads the view")
	}
	if p.def.Window != nil && !p.sameWindow(n.List("partitions"), in) {
		e := fail(codeWindowing, at, "%s(…) OVER must be partitioned by the view's window", name)
		if len(p.st.outer) > 0 && !in.hasWindow() {
			return e.hint("windows close one by one, so a row cannot depend on those of another window: select %s in the subquery, and write OVER (PARTITION BY %s …)",
				p.windowText(), p.windowText())
		}
		return e.hint("windows close one by one, so a row cannot depend on those of another window: write OVER (PARTITION BY %s …)", p.windowText())
	}
	if !safeOver[name] && !sumOver[name] {
		return fail(codeUnsupported, at, "%s(…) OVER is not supported in a materialized view", name).
			hint("one row on which it fails would hold up the whole view: write it in the query that reads the view")
	}
	if name == "ntile" {
		if args := n.List("children"); len(args) == 1 && (limitText(args[0]) == "" || limitText(args[0]) == "0") {
			return fail(codeUnsupported, at, "ntile of a materialized view takes a number greater than zero").hint("write the number itself")
		}
	}
	for _, key := range []string{"start", "end"} {
		if frame := n.Str(key); strings.HasPrefix(frame, "EXPR_") && strings.HasSuffix(frame, "_RANGE") {
			return fail(codeUnsupported, at, "a frame of RANGE with a distance is not supported in a materialized view").
				hint("one row that has no value at that distance would hold up the whole view: write ROWS or GROUPS, or OVER in the query that reads the view")
		}
	}
	return nil
}

// overs are the window functions of one SELECT.
type overs struct {
	p      *planner
	in     *input
	index  map[string]int // by key
	calls  []string       // the functions as SQL
	guards []string       // what some of them need to have been computed before
}

// extract returns n with a column, which column names, for every window
// function in it.
func (o *overs) extract(ctx context.Context, n ast.Node) (ast.Node, error) {
	if n == nil || !isOver(n) {
		if n == nil {
			return nil, nil
		}
		return ast.MapChildren(n, func(c ast.Node) (ast.Node, error) { return o.extract(ctx, c) })
	}
	key := n.Key()
	i, ok := o.index[key]
	if !ok {
		if _, _, err := o.in.typeOf(ctx, n); err != nil {
			return nil, err
		}
		if err := o.p.checkOver(n, o.in); err != nil {
			return nil, err
		}
		sql, err := o.sql(ctx, n)
		if err != nil {
			return nil, err
		}
		i = len(o.calls)
		o.index[key], o.calls = i, append(o.calls, sql)
	}
	return ast.NewColumn(o.column("w", i)).In(n), nil
}

// column is the name of a column beside those of the input.
func (o *overs) column(prefix string, i int) string {
	for _, c := range o.in.names {
		if strings.EqualFold(c, columnName(prefix, i)) {
			return o.column(prefix+"_", i)
		}
	}
	return columnName(prefix, i)
}

// sql is the text of a window function whose arguments are NULL where they fail.
func (o *overs) sql(ctx context.Context, n ast.Node) (string, error) {
	name := n.Str("function_name")
	out, err := ast.MapChildren(n, func(c ast.Node) (ast.Node, error) { return tryNode(c), nil })
	if err != nil {
		return "", err
	}
	args := n.List("children")
	if def := n.Child("default_expr"); def != nil && len(args) > 0 {
		// DuckDB would cast it to the argument's type, outside of TRY.
		_, typeName, err := o.in.typeOf(ctx, args[0])
		if err != nil {
			return "", err
		}
		cast, err := o.p.castTo(ctx, def, typeName)
		if err != nil {
			return "", err
		}
		out["default_expr"] = tryNode(cast)
	}
	explicitOrder(out, "orders")
	explicitOrder(out, "arg_orders")
	distinctPartitions(out)
	if sumOver[name] && len(args) == 1 {
		if err := o.guard(ctx, out, args[0]); err != nil {
			return "", err
		}
	}
	out["alias"] = ""
	return deparseExpr(ctx, o.p.b, out)
}

// explicitOrder writes out what a session's settings could change.
func explicitOrder(n ast.Node, key string) {
	var orders []any
	for _, o := range n.List(key) {
		item := maps.Clone(o)
		if o.Kind() != "DESCENDING" {
			item["type"] = "ASCENDING"
		}
		item["null_order"] = nulls(o)
		orders = append(orders, map[string]any(item))
	}
	if orders != nil {
		n[key] = orders
	}
}

// distinctPartitions leaves out of PARTITION BY what is there already. It says
// nothing there, and DuckDB 1.5 takes (a, a) for any other list with an a when it
// looks for window functions that can share a partitioning.
func distinctPartitions(call ast.Node) {
	seen := make(map[string]bool)
	var kept []any
	for _, n := range call.List("partitions") {
		if key := n.Key(); !seen[key] {
			seen[key] = true
			kept = append(kept, map[string]any(n))
		}
	}
	if kept != nil {
		call["partitions"] = kept
	}
}

// guard keeps a sum from overflowing: the values of a partition are NULL when
// the sum of their magnitudes is beyond what the sum's type holds.
func (o *overs) guard(ctx context.Context, call, arg ast.Node) error {
	_, typeName, err := o.in.typeOf(ctx, arg)
	if err != nil {
		return err
	}
	var limit string
	t, ok := representable(typeName)
	switch {
	case typeName == "HUGEINT":
		limit = "1.7e38"
	case ok && strings.HasPrefix(typeName, "DECIMAL") && t.Precision > 18:
		limit = fmt.Sprintf("1e%d", 38-int(t.Scale))
	default:
		return nil
	}
	value, err := deparseExpr(ctx, o.p.b, tryNode(arg))
	if err != nil {
		return err
	}
	var partition []string
	for _, n := range call.List("partitions") {
		sql, err := deparseExpr(ctx, o.p.b, n)
		if err != nil {
			return err
		}
		partition = append(partition, sql)
	}
	over := ""
	if len(partition) > 0 {
		over = "PARTITION BY " + strings.Join(partition, ", ")
	}
	column := o.column("m", len(o.guards))
	o.guards = append(o.guards, fmt.Sprintf("sum(abs(CAST(%s AS DOUBLE))) OVER (%s) AS %s", value, over, column))
	guarded, err := parseItems(ctx, o.p.b, fmt.Sprintf("SELECT CASE WHEN %s < %s THEN %s END", column, limit, value))
	if err != nil {
		return err
	}
	call["children"] = []any{guarded[0]}
	return nil
}

// from returns the relation with the window functions' columns: the input's
// rows that the filter lets through, or the relation itself when there are none.
func (o *overs) from(filter string) string {
	text := o.in.text
	if filter != "" {
		filter = " WHERE " + filter
	}
	if len(o.guards) > 0 {
		text, filter = "(SELECT *, "+strings.Join(o.guards, ", ")+" FROM "+text+filter+")", ""
	}
	columns := make([]string, len(o.calls))
	for i, sql := range o.calls {
		columns[i] = sql + " AS " + o.column("w", i)
	}
	return "(SELECT *, " + strings.Join(columns, ", ") + " FROM " + text + filter + ")"
}

// tryNode returns n as NULL where it fails.
func tryNode(n ast.Node) ast.Node {
	if c := n.Class(); c == "COLUMN_REF" || c == "CONSTANT" {
		return n
	}
	return ast.Node{"class": "OPERATOR", "type": "OPERATOR_TRY", "alias": "", "children": []any{n}}
}

// castTo returns n cast to the type that DuckDB calls typeName.
func (p *planner) castTo(ctx context.Context, n ast.Node, typeName string) (ast.Node, error) {
	items, err := parseItems(ctx, p.b, "SELECT CAST(NULL AS "+typeName+")")
	if err != nil {
		return nil, err
	}
	out := maps.Clone(items[0])
	out["child"] = n
	return out, nil
}
