package plan

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/window"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// BatchSQL returns a view's SELECT as plain DuckDB SQL over a table that holds
// the source's visible columns: TUMBLE and its like become a subquery with a row
// for each window of a row. A row without an event time is in one window, whose
// bounds are NULL. Relation is the table's name as SQL text, without an alias.
//
// It does not resolve names, so that it also accepts some statements that
// [View] refuses.
func BatchSQL(ctx context.Context, b Binder, sql, relation string) (string, error) {
	return BatchSQLWith(ctx, b, sql, relation, Tables{})
}

// BatchSQLWith is BatchSQL with other relations in the place of the tables that
// the view joins.
func BatchSQLWith(ctx context.Context, b Binder, sql, relation string, tables Tables) (string, error) {
	branches, err := parse(ctx, b, sql)
	if err != nil {
		return "", err
	}
	texts := make([]string, len(branches))
	for i, st := range branches {
		st.tables = tables
		list, _ := st.sel["select_list"].([]any)
		if texts[i], err = st.over(ctx, b, relation, list, len(st.outer)); err != nil {
			return "", err
		}
	}
	return strings.Join(texts, " UNION ALL "), nil
}

// over returns the statement, with so many of its outer SELECTs, with another
// list in the innermost SELECT and with the relation in the place of its source.
func (s *statement) over(ctx context.Context, b Binder, relation string, list []any, outer int) (string, error) {
	sel, err := ast.MapChildren(s.sel, func(c ast.Node) (ast.Node, error) { return c, nil })
	if err != nil {
		return "", err
	}
	from, err := s.fromSQL(ctx, b, sel, relation)
	if err != nil {
		return "", err
	}
	own, err := parseOwn(ctx, b, "SELECT * FROM "+from+" AS "+quote(s.from.qualifier()))
	if err != nil {
		return "", err
	}
	sel["from_table"] = own["from_table"]
	if !s.sessions() { // which have joined already
		if sel["from_table"], err = s.rejoin(ctx, b, s.sel.Child("from_table"), own["from_table"], s.tables); err != nil {
			return "", err
		}
	}
	sel["select_list"] = list
	if s.from.window != nil {
		groupAllBounds(sel)
	}
	return deparse(ctx, b, s.nested(sel, outer))
}

// fromSQL returns the relation with the columns of its window.
func (s *statement) fromSQL(ctx context.Context, b Binder, sel ast.Node, relation string) (from string, err error) {
	c := s.from.window
	if c == nil {
		return relation, nil
	}
	if s.sessions() {
		if from, err = s.sessionFrom(ctx, b, sel, relation); err != nil {
			return "", err
		}
	} else {
		from = c.relationSQL(relation)
	}
	if s.tables.Windows != "" {
		from = "(SELECT * FROM " + from + " WHERE " + s.tables.Windows + ")"
	}
	if ast.Find(s.sel, func(n ast.Node) bool { return isNamed(n, ast.WindowTime) }) != nil {
		from = "(SELECT *, window_end - INTERVAL '1 millisecond' AS window_time FROM " + from + ")"
	}
	return from, nil
}

func (s *statement) sessions() bool {
	return s.from.window != nil && s.from.window.spec.Kind == window.Session
}

// sessionFrom moves joins and WHERE below the windows: sessions consist of the
// rows that they let through. Each table comes out as one column, a struct under
// its qualifier, so that what is written table.column still finds it; its
// columns are beside it for those who write them without.
func (s *statement) sessionFrom(ctx context.Context, b Binder, sel ast.Node, relation string) (string, error) {
	var items strings.Builder
	for _, j := range s.from.joins {
		fmt.Fprintf(&items, ", %s", quote(j.qualifier()))
	}
	condition := ""
	if s.tables.Sessions != "" {
		condition = " WHERE " + s.tables.Sessions
	}
	rows, err := parseOwn(ctx, b, "SELECT *"+items.String()+" FROM "+relation+" AS "+quote(s.from.qualifier())+condition)
	if err != nil {
		return "", err
	}
	if rows["from_table"], err = s.rejoin(ctx, b, s.sel.Child("from_table"), rows["from_table"], s.tables); err != nil {
		return "", err
	}
	list, _ := rows["select_list"].([]any)
	for i, key := range s.from.window.keys {
		key = key.In(ast.Node{})
		key["alias"] = columnName("ms_key", i)
		list = append(list, key)
	}
	rows["select_list"], rows["where_clause"] = list, newConjunction([]ast.Node{rows.Child("where_clause"), sel.Child("where_clause")})
	sel["where_clause"] = nil
	text, err := deparse(ctx, b, rows)
	if err != nil {
		return "", err
	}
	return s.from.window.sessionSQL(text), nil
}

// isNamed reports whether n is a column, qualified or not, of the name.
func isNamed(n ast.Node, name string) bool {
	names := n.Strings("column_names")
	return n.Class() == "COLUMN_REF" && len(names) > 0 && strings.EqualFold(names[len(names)-1], name)
}

// groupAllBounds completes a GROUP BY that has one of a window's columns with
// the others that the statement has: DuckDB does not know that one determines
// the others.
func groupAllBounds(sel ast.Node) {
	items := sel.List("select_list")
	grouped := make(map[string]bool)
	exprs, _ := sel["group_expressions"].([]any)
	for _, e := range exprs {
		n, _ := ast.AsNode(e)
		names := n.Strings("column_names")
		if i, ok, _ := ordinal(n, len(items)); ok {
			names = items[i].Strings("column_names")
		} else if len(names) == 1 {
			for _, it := range items {
				if strings.EqualFold(it.Str("alias"), names[0]) && it.Class() == "COLUMN_REF" {
					names = it.Strings("column_names")
				}
			}
		}
		if len(names) > 0 {
			grouped[strings.ToLower(names[len(names)-1])] = true
		}
	}
	if !grouped[ast.WindowStart] && !grouped[ast.WindowEnd] {
		return
	}
	var sets []any
	written, _ := sel["group_sets"].([]any)
	for _, w := range written {
		set, _ := w.([]any)
		sets = append(sets, append([]any{}, set...))
	}
	exprs = append([]any{}, exprs...)
	for _, name := range []string{ast.WindowStart, ast.WindowEnd, ast.WindowTime} {
		used := name != ast.WindowTime || ast.Find(sel, func(n ast.Node) bool { return isNamed(n, name) }) != nil
		if used && !grouped[name] {
			for i := range sets {
				set, _ := sets[i].([]any)
				sets[i] = append(set, json.Number(fmt.Sprint(len(exprs))))
			}
			exprs = append(exprs, ast.NewColumn(name))
		}
	}
	sel["group_expressions"], sel["group_sets"] = exprs, sets
}
