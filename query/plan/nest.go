package plan

import (
	"slices"
	"strings"
)

// outer is a SELECT around the one that aggregates: it reads that one's rows.
type outer struct {
	sel  node
	name string // of the rows it reads: the subquery's alias or the WITH query's name
}

// qualifier is the name by which the columns of an unnamed subquery can be
// qualified, as in DuckDB.
func (o *outer) qualifier() string {
	if o.name != "" {
		return o.name
	}
	return "unnamed_subquery"
}

// with is a query of a WITH clause.
type with struct {
	name  string
	sel   node
	scope []*with // the queries that it can read itself
	read  bool
}

const nestHint = "a view's outer SELECT reads one subquery or one WITH query that aggregates"

// peel takes the SELECTs off that stand around the one that reads a source.
func (s *statement) peel(sel node) (node, error) {
	var scope, all []*with
	for {
		if err := s.checkShape(sel); err != nil {
			return nil, err
		}
		for _, entry := range sel.child("cte_map").list("map") {
			w, err := s.readWith(entry, scope)
			if err != nil {
				return nil, err
			}
			scope, all = append(slices.Clone(scope), w), append(all, w)
		}
		from := sel.child("from_table")
		name, next := from.str("alias"), from.child("subquery").child("node")
		if from.kind() == "BASE_TABLE" {
			if w := reads(from, scope); w != nil {
				w.read = true
				next, scope = w.sel, w.scope
				if name == "" {
					name = w.name
				}
			}
		}
		if next == nil {
			break
		}
		if err := s.checkOuter(sel); err != nil {
			return nil, err
		}
		s.outer = append(s.outer, outer{sel: sel, name: name})
		sel = next
	}
	for _, w := range all {
		if !w.read {
			return nil, fail(codeUnsupported, s.keyword("WITH"), "WITH query %q is not read by the SELECT that follows", w.name).hint(nestHint)
		}
	}
	slices.Reverse(s.outer)
	return sel, nil
}

func (s *statement) readWith(entry node, scope []*with) (*with, error) {
	value := entry.child("value")
	w := &with{name: entry.str("key"), sel: value.child("query").child("node"), scope: scope}
	if len(value.strings("aliases")) > 0 {
		return nil, fail(codeUnsupported, s.keyword("WITH"), "column aliases of WITH query %q are not supported in a materialized view", w.name).
			hint("name the columns in the query's SELECT list")
	}
	if notEmpty(value, "key_targets") {
		return nil, s.unsupported("USING KEY", s.keyword("WITH"), nestHint)
	}
	return w, nil
}

// reads returns the WITH query that a table's name refers to, or nil.
func reads(table node, scope []*with) *with {
	if table.str("schema_name") != "" || table.str("catalog_name") != "" {
		return nil
	}
	for _, w := range slices.Backward(scope) {
		if strings.EqualFold(w.name, table.str("table_name")) {
			return w
		}
	}
	return nil
}

// checkOuter refuses what a SELECT over groups cannot have.
func (s *statement) checkOuter(sel node) error {
	from := sel.child("from_table")
	if sel["sample"] != nil || from["sample"] != nil {
		return s.unsupported("sampling", s.keyword("SAMPLE", "TABLESAMPLE"), "filter with WHERE, for example on hash(key) % 10 = 0")
	}
	if len(from.strings("column_name_alias")) > 0 {
		return fail(codeUnsupported, from.location(), "column aliases in FROM are not supported in a materialized view").
			hint("name the columns in the subquery's SELECT list")
	}
	at, again := sel.child("having").location(), sel["having"] != nil
	if groups, _ := sel["group_sets"].([]any); len(groups) > 0 {
		again = true
		if exprs := sel.list("group_expressions"); len(exprs) > 0 {
			at = exprs[0].location()
		}
	}
	for _, clause := range append(sel.list("select_list"), sel.child("where_clause"), sel.child("qualify")) {
		if a := find(clause, func(n node) bool { return isAggregate(n) || isGrouping(n) }); a != nil && !again {
			at, again = a.location(), true
		}
	}
	if again || sel.str("aggregate_handling") == "FORCE_AGGREGATES" {
		return fail(codeUnsupported, at, "a materialized view cannot aggregate the rows of a subquery").
			hint("aggregate the rows of the source, and those of the view in the query that reads it")
	}
	return nil
}

// nested returns the first n outer SELECTs around an innermost one.
func (s *statement) nested(inner node, n int) node {
	for i := range s.outer[:n] {
		o := &s.outer[i]
		sel, _ := mapChildren(o.sel, func(c node) (node, error) { return c, nil })
		sel["cte_map"] = map[string]any{"map": []any{}}
		sel["from_table"] = map[string]any{
			"type": "SUBQUERY", "alias": o.qualifier(), "sample": nil, "column_name_alias": []any{},
			"subquery": map[string]any{"node": inner, "named_param_map": []any{}},
		}
		inner = sel
	}
	return inner
}
