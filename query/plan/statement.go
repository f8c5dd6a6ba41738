package plan

import (
	"context"
	"strconv"
	"strings"

	"github.com/millstream-db/millstream/query/plan/ast"
	"github.com/millstream-db/millstream/query/plan/token"
)

// statement is a parsed SELECT of the shape that a view can have.
type statement struct {
	sql    string
	tokens []token.Token
	sel    ast.Node // a SELECT_NODE, the one that reads a source
	outer  []outer  // the SELECTs around it, from the inside out
	from   relation
	tables Tables // in the place of those that are joined
	later  bool   // it is not the first SELECT of a UNION ALL
}

// parse parses the statement and refuses the clauses that no view has. The
// SELECTs of a UNION ALL are statements of their own.
func parse(ctx context.Context, b Binder, sql string) ([]*statement, error) {
	whole := &statement{sql: sql, tokens: token.Tokenize(sql)}
	n, err := whole.parseNode(ctx, b)
	if err != nil {
		return nil, err
	}
	branches, err := whole.branches(n)
	if err != nil {
		return nil, err
	}
	all := make([]*statement, len(branches))
	for i, sel := range branches {
		if all[i], err = whole.branch(sel); err != nil {
			return nil, err
		}
		all[i].later = i > 0
	}
	return all, nil
}

// branch reads one SELECT of the statement.
func (s *statement) branch(sel ast.Node) (_ *statement, err error) {
	s = &statement{sql: s.sql, tokens: s.tokens}
	if sel, err = s.peel(sel); err != nil {
		return nil, err
	}
	s.sel = sel
	if err := s.checkClauses(); err != nil {
		return nil, err
	}
	if s.from, err = s.readFrom(sel.Child("from_table")); err != nil {
		return nil, err
	}
	s.sel, err = s.groupWindow(s.withoutSchema(sel))
	return s, err
}

// withoutSchema turns public.orders.country into orders.country: when the
// relation is replaced by another one, only its name stays.
func (s *statement) withoutSchema(n ast.Node) ast.Node {
	out, _ := ast.MapChildren(n, func(c ast.Node) (ast.Node, error) { return s.withoutSchema(c), nil })
	names, _ := n["column_names"].([]any)
	if n.Class() != "COLUMN_REF" || len(names) < 3 {
		return out
	}
	list := n.Strings("column_names")
	for _, r := range append([]*join{{relation: s.from}}, s.from.joins...) {
		if r.schema != "" && r.alias == "" && strings.EqualFold(list[0], r.schema) && strings.EqualFold(list[1], r.name) {
			out["column_names"] = names[1:]
		}
	}
	return out
}

func (s *statement) parseNode(ctx context.Context, b Binder) (ast.Node, error) {
	text, err := b.Serialize(ctx, token.WithoutTable(s.sql, s.tokens))
	if err != nil {
		return nil, err
	}
	doc, err := ast.Decode(text)
	if err != nil {
		return nil, err
	}
	if root := ast.Node(doc); root.Flag("error") {
		return nil, syntaxError(root)
	}
	statements := ast.Node(doc).List("statements")
	if len(statements) != 1 {
		return nil, fail(codeSyntax, -1, "a view is defined by exactly one SELECT, not by %d statements", len(statements))
	}
	if n := ast.Find(statements[0].Child("node"), isParameter); n != nil {
		return nil, fail(codeUndefinedParameter, s.parameter(), "there is no parameter $%s", n.Str("identifier")).
			hint("a view outlives the statement that creates it: write the value itself")
	}
	return statements[0].Child("node"), nil
}

func isParameter(n ast.Node) bool { return n.Class() == "PARAMETER" }

// parameter returns the offset of the first parameter; its node has none.
func (s *statement) parameter() int {
	for i, t := range s.tokens {
		if token.IsSymbol(s.sql, s.tokens, i, "?$") {
			return t.Start
		}
	}
	return -1
}

func syntaxError(doc ast.Node) *Error {
	message := doc.Str("error_message")
	offset, err := strconv.Atoi(doc.Str("position"))
	if err != nil {
		offset = -1
	}
	if strings.HasPrefix(message, "Only SELECT statements") {
		return fail(codeUnsupported, offset, "a view is defined by a SELECT").hint("write CREATE MATERIALIZED VIEW name AS SELECT …")
	}
	if doc.Str("error_type") == "not implemented" {
		return fail(codeUnsupported, offset, "%s", message)
	}
	return fail(codeSyntax, offset, "%s", message)
}

// checkShape refuses what isn't a plain SELECT.
func (s *statement) checkShape(sel ast.Node) error {
	switch sel.Kind() {
	case "SELECT_NODE":
	case "SET_OPERATION_NODE":
		return s.unsupported("UNION, INTERSECT and EXCEPT", s.keyword("UNION", "INTERSECT", "EXCEPT"),
			"create one view for each SELECT and combine them in the query that reads them")
	case "RECURSIVE_CTE_NODE":
		return s.unsupported("WITH RECURSIVE", s.keyword("WITH"), nestHint)
	default:
		return s.unsupported("this kind of SELECT", -1, nestHint)
	}
	return s.checkModifiers(sel)
}

func (s *statement) checkClauses() error {
	if s.sel["sample"] != nil || s.sel.Child("from_table")["sample"] != nil {
		return s.unsupported("sampling", s.keyword("SAMPLE", "TABLESAMPLE"), "filter with WHERE, for example on hash(key) % 10 = 0")
	}
	return nil
}

func (s *statement) keyword(words ...string) int { return token.Keyword(s.sql, s.tokens, words...) }

func (s *statement) unsupported(what string, offset int, hint string) error {
	verb := "is"
	switch what {
	case "UNION, INTERSECT and EXCEPT":
		verb = "are"
	}
	return fail(codeUnsupported, offset, "%s %s not supported in a materialized view", what, verb).hint("%s", hint)
}

// aggregates reports whether the statement aggregates, or groups other than by
// GROUP BY ALL, which does nothing when there is no column to group by.
func (s *statement) aggregates() bool {
	if s.sel["having"] != nil {
		return true
	}
	if sets, _ := s.sel["group_sets"].([]any); len(sets) > 0 {
		return true
	}
	for _, item := range s.sel.List("select_list") {
		if ast.Find(item, isAggregate) != nil {
			return true
		}
	}
	return false
}

// groupsAll reports whether the statement says GROUP BY ALL.
func (s *statement) groupsAll() bool {
	return s.sel.Str("aggregate_handling") == "FORCE_AGGREGATES"
}
