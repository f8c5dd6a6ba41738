package plan

import (
	"slices"
	"strings"

	"github.com/millstream-db/millstream/query/plan/ast"
)

// outer is a SELECT around the one that aggregates: it reads that one's rows.
type outer struct {
	sel  ast.Node
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
	sel   ast.Node
	scope []*with // the queries that it can read itself
	read  bool
}

const nestHint = "a view's outer SELECT reads one subquery or one WITH query that aggregates"

// peel takes the SELECTs off that stand around the one that reads a source.
func (s *statement) peel(sel ast.Node) (ast.Node, error) {
	var scope, all []*with
	for {
		if err := s.checkShape(sel); err != nil {
			return nil, err
		}
		for _, entry := range sel.Child("cte_map").List("map") {
			w, err := s.readWith(entry, scope)
			if err != nil {
				return nil, err
			}
			scope, all = append(slices.Clone(scope), w), append(all, w)
		}
		from := sel.Child("from_table")
		name, next := from.Str("alias"), from.Child("subquery").Child("node")
		if from.Kind() == "BASE_TABLE" {
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

func (s *statement) readWith(entry ast.Node, scope []*with) (*with, error) {
	value := entry.Child("value")
	w := &with{name: entry.Str("key"), sel: value.Child("query").Child("node"), scope: scope}
	if len(value.Strings("aliases")) > 0 {
		return nil, fail(codeUnsupported, s.keyword("WITH"), "column aliases of WITH query %q are not supported in a materialized view", w.name).
			hint("name the columns in the query's SELECT list")
	}
	if notEmpty(value, "key_targets") {
		return nil, s.unsupported("USING KEY", s.keyword("WITH"), nestHint)
	}
	return w, nil
}

// reads returns the WITH query that a table's name refers to, or nil.
func reads(table ast.Node, scope []*with) *with {
	if table.Str("schema_name") != "" || table.Str("catalog_name") != "" {
		return nil
	}
	for _, w := range slices.Backward(scope) {
		if strings.EqualFold(w.name, table.Str("table_name")) {
			return w
		}
	}
	return nil
}

// checkOuter refuses what a SELECT over groups cannot have.
func (s *statement) checkOuter(sel ast.Node) error {
	from := sel.Child("from_table")
	if sel["sample"] != nil || from["sample"] != nil {
		return s.unsupported("sampling", s.keyword("SAMPLE", "TABLESAMPLE"), "filter with WHERE, for example on hash(key) % 10 = 0")
	}
	if len(from.Strings("column_name_alias")) > 0 {
		return fail(codeUnsupported, from.Location(), "column aliases in FROM are not supported in a materialized view").
			hint("name the columns in the subquery's SELECT list")
	}
	at, again := sel.Child("having").Location(), sel["having"] != nil
	if groups, _ := sel["group_sets"].([]any); len(groups) > 0 {
		again = true
		if exprs := sel.List("group_expressions"); len(exprs) > 0 {
			at = exprs[0].Location()
		}
	}
	for _, clause := range append(sel.List("select_list"), sel.Child("where_clause"), sel.Child("qualify")) {
		if a := ast.Find(clause, func(n ast.Node) bool { return isAggregate(n) || isGrouping(n) }); a != nil && !again {
			at, again = a.Location(), true
		}
	}
	if again || sel.Str("aggregate_handling") == "FORCE_AGGREGATES" {
		return fail(codeUnsupported, at, "a materialized view cannot aggregate the rows of a subquery").
			hint("aggregate the rows of the source, and those of the view in the query that reads it")
	}
	return nil
}

// nested returns the first n outer SELECTs around an innermost one.
func (s *statement) nested(inner ast.Node, n int) ast.Node {
	for i := range s.outer[:n] {
		o := &s.outer[i]
		sel, _ := ast.MapChildren(o.sel, func(c ast.Node) (ast.Node, error) { return c, nil })
		sel["cte_map"] = map[string]any{"map": []any{}}
		sel["from_table"] = map[string]any{
			"type": "SUBQUERY", "alias": o.qualifier(), "sample": nil, "column_name_alias": []any{},
			"subquery": map[string]any{"node": inner, "named_param_map": []any{}},
		}
		inner = sel
	}
	return inner
}
