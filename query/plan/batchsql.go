package plan

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// BatchSQL returns a view's SELECT as plain DuckDB SQL over a table that holds
// the source's visible columns: TUMBLE becomes a subquery that computes
// window_start and window_end. Rows without an event time are in no window of
// TUMBLE. Relation is the table's name as SQL text, without an alias.
//
// It does not resolve names, so that it also accepts some statements that
// [View] refuses.
func BatchSQL(ctx context.Context, b Binder, sql, relation string) (string, error) {
	return BatchSQLWith(ctx, b, sql, relation, Tables{})
}

// BatchSQLWith is BatchSQL with other relations in the place of the tables that
// the view joins.
func BatchSQLWith(ctx context.Context, b Binder, sql, relation string, tables Tables) (string, error) {
	st, err := parse(ctx, b, sql)
	if err != nil {
		return "", err
	}
	st.tables = tables
	list, _ := st.sel["select_list"].([]any)
	return st.over(ctx, b, relation, list, len(st.outer))
}

// over returns the statement, with so many of its outer SELECTs, with another
// list in the innermost SELECT and with the relation in the place of its source.
func (s *statement) over(ctx context.Context, b Binder, relation string, list []any, outer int) (string, error) {
	from := relation
	if t := s.from.tumble; t != nil {
		from = fmt.Sprintf("(SELECT *, %s AS window_start, %s AS window_end FROM %s)",
			t.startSQL(), t.endSQL(), relation)
	}
	own, err := parseOwn(ctx, b, "SELECT * FROM "+from+" AS "+quote(s.from.qualifier()))
	if err != nil {
		return "", err
	}
	sel, err := mapChildren(s.sel, func(c node) (node, error) { return c, nil })
	if err != nil {
		return "", err
	}
	if sel["from_table"], err = s.rejoin(ctx, b, s.sel.child("from_table"), own["from_table"], s.tables); err != nil {
		return "", err
	}
	sel["select_list"] = list
	if s.from.tumble != nil {
		groupBothBoundaries(sel)
	}
	return deparse(ctx, b, s.nested(sel, outer))
}

// groupBothBoundaries completes GROUP BY window_end with window_start and the
// other way round: DuckDB does not know that either determines the other.
func groupBothBoundaries(sel node) {
	items := sel.list("select_list")
	grouped := make(map[string]bool)
	exprs, _ := sel["group_expressions"].([]any)
	for _, e := range exprs {
		n, _ := asNode(e)
		names := n.strings("column_names")
		if i, ok, _ := ordinal(n, len(items)); ok {
			names = items[i].strings("column_names")
		} else if len(names) == 1 {
			for _, it := range items {
				if strings.EqualFold(it.str("alias"), names[0]) && it.class() == "COLUMN_REF" {
					names = it.strings("column_names")
				}
			}
		}
		if len(names) > 0 {
			grouped[strings.ToLower(names[len(names)-1])] = true
		}
	}
	missing := windowStart
	if grouped[windowStart] {
		missing = windowEnd
	}
	if grouped[windowStart] == grouped[windowEnd] {
		return
	}
	sets, _ := sel["group_sets"].([]any)
	set, _ := sets[0].([]any)
	sel["group_expressions"] = append(append([]any{}, exprs...), newColumn(missing))
	sel["group_sets"] = []any{append(append([]any{}, set...), json.Number(fmt.Sprint(len(exprs))))}
}
