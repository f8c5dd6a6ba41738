package plan

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/millstream-db/millstream/query/plan/ast"
)

// modifiers are what stands behind a SELECT's rows: DISTINCT, ORDER BY, LIMIT.
type modifiers struct {
	distinct      bool
	orders        []order
	limit, offset string // "" for none
}

// order is an item of ORDER BY.
type order struct {
	n         ast.Node
	direction string // ASC or DESC, and where NULLs go
}

// checkModifiers refuses the forms that have no meaning in a view.
func (s *statement) checkModifiers(sel ast.Node) error {
	var ordered, limited bool
	at := -1
	for _, m := range sel.List("modifiers") {
		switch m.Kind() {
		case "DISTINCT_MODIFIER":
			if notEmpty(m, "distinct_on_targets") {
				return s.unsupported("DISTINCT ON", m.List("distinct_on_targets")[0].Location(),
					"write QUALIFY row_number() OVER (PARTITION BY … ORDER BY …) = 1")
			}
		case "ORDER_MODIFIER":
			ordered, at = true, m.Location()
			for _, o := range m.List("orders") {
				if o.Child("expression").Class() == "STAR" {
					return s.unsupported("ORDER BY ALL", o.Child("expression").Location(), "list the columns")
				}
			}
		case "LIMIT_MODIFIER":
			limited = true
			for _, key := range []string{"limit", "offset"} {
				if n := m.Child(key); n != nil && limitText(n) == "" {
					return fail(codeUnsupported, n.Location(), "%s of a materialized view must be a number", strings.ToUpper(key)).
						hint("a view outlives the statement that creates it: write the number itself")
				}
			}
			if !ordered {
				return s.unsupported("LIMIT without ORDER BY", m.Location(), "write ORDER BY, so that it is certain which rows the view keeps")
			}
		default:
			return s.unsupported("LIMIT with a percentage", m.Location(), "write QUALIFY percent_rank() OVER (ORDER BY …) <= 0.1")
		}
	}
	if ordered && !limited {
		return s.unsupported("ORDER BY", max(at, s.keyword("ORDER")), "a view has no order: write ORDER BY in the query that reads it")
	}
	return nil
}

// limitText is the number of a LIMIT or OFFSET as text, or "".
func limitText(n ast.Node) string {
	value := n.Child("value")
	number, ok := value["value"].(json.Number)
	if n.Class() != "CONSTANT" || !ok || strings.ContainsAny(number.String(), ".eE-") {
		return ""
	}
	return number.String()
}

// distinct reports whether a SELECT says DISTINCT.
func distinct(sel ast.Node) bool {
	for _, m := range sel.List("modifiers") {
		if m.Kind() == "DISTINCT_MODIFIER" {
			return true
		}
	}
	return false
}

// readModifiers resolves the modifiers of a SELECT that passed checkModifiers.
func (p *planner) readModifiers(sel ast.Node) (modifiers, error) {
	out := modifiers{distinct: distinct(sel)}
	for _, m := range sel.List("modifiers") {
		switch m.Kind() {
		case "ORDER_MODIFIER":
			for _, o := range m.List("orders") {
				n, err := p.orderExpr(o.Child("expression"))
				if err != nil {
					return out, err
				}
				out.orders = append(out.orders, order{n: n, direction: direction(o)})
			}
		case "LIMIT_MODIFIER":
			out.limit, out.offset = limitText(m.Child("limit")), limitText(m.Child("offset"))
			if p.def.Window != nil {
				return out, fail(codeUnsupported, m.Location(), "LIMIT is not supported in a materialized view with windows: it counts the rows of all windows together").
					hint("keep the first rows of each window: QUALIFY row_number() OVER (PARTITION BY %s ORDER BY …) <= %s", p.windowText(), out.limit)
			}
		}
	}
	return out, nil
}

// orderExpr resolves an item of ORDER BY: the number of a SELECT item, an
// alias, or an expression.
func (p *planner) orderExpr(n ast.Node) (ast.Node, error) {
	if item, ok, err := ordinal(n, len(p.res.items)); err != nil {
		return nil, fail(codeInvalidReference, n.Location(), "ORDER BY position %s is not in the SELECT list", n.Child("value")["value"])
	} else if ok {
		return p.res.items[item].resolved, nil
	}
	sc := scope{clause: inSelect, aliases: len(p.res.items)}
	if names := n.Strings("column_names"); n.Class() == "COLUMN_REF" && len(names) == 1 {
		if alias := p.res.alias(names[0], sc); alias != nil {
			return alias.In(n), nil
		}
	}
	return p.res.resolve(n, sc)
}

// direction writes out what a session's settings could change.
func direction(o ast.Node) string {
	out := "ASC"
	if o.Kind() == "DESCENDING" {
		out = "DESC"
	}
	return out + " " + nulls(o)
}

// nulls returns where NULL comes in an order: it is the greatest value, as in
// PostgreSQL, unless the order says where it comes.
func nulls(o ast.Node) string {
	switch order := o.Str("null_order"); {
	case order == "NULLS FIRST", order == "NULLS LAST":
		return order
	case o.Kind() == "DESCENDING":
		return "NULLS FIRST"
	}
	return "NULLS LAST"
}

// apply puts the modifiers around the outputs of a SELECT over from.
func (m *modifiers) apply(ctx context.Context, b Binder, outputs []output, from string) (string, error) {
	list := make([]string, len(outputs))
	names := make([]string, len(outputs))
	for i, o := range outputs {
		names[i] = quote(o.name)
		list[i] = o.sql + " AS " + names[i]
	}
	sort := make([]string, len(m.orders))
	for i, o := range m.orders {
		column := ""
		for j := range outputs {
			if outputs[j].n.Key() == o.n.Key() {
				column = names[j]
			}
		}
		if column == "" {
			if m.distinct {
				return "", fail(codeInvalidReference, o.n.Location(), "for SELECT DISTINCT, ORDER BY expressions must appear in the SELECT list")
			}
			sql, err := deparseExpr(ctx, b, o.n)
			if err != nil {
				return "", err
			}
			column = unused("s", i, outputs)
			list = append(list, try(sql)+" AS "+column)
		}
		sort[i] = column + " " + o.direction
	}
	sql := "SELECT "
	if m.distinct {
		sql += "DISTINCT "
	}
	sql += strings.Join(list, ", ") + " FROM " + from
	if m.limit == "" && m.offset == "" {
		return sql, nil
	}
	sql = "SELECT " + strings.Join(names, ", ") + " FROM (" + sql + ") ORDER BY " + strings.Join(sort, ", ")
	if m.limit != "" {
		sql += " LIMIT " + m.limit
	}
	if m.offset != "" {
		sql += " OFFSET " + m.offset
	}
	return sql, nil
}

// unused returns a column name that no output has.
func unused(prefix string, i int, outputs []output) string {
	name := columnName(prefix, i)
	for _, o := range outputs {
		if strings.EqualFold(o.name, name) {
			return unused(prefix+"_", i, outputs)
		}
	}
	return name
}
