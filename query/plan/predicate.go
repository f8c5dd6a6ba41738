package plan

import (
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// conjuncts returns the comparisons whose conjunction is n, or nil when n is
// anything else or when one of them would not be exactly DuckDB's.
func conjuncts(n ast.Node, source *Source) []view.Comparison {
	list, ok := predicate{source}.read(n)
	if !ok {
		return nil
	}
	return list
}

// predicate reads conditions over the columns of a source.
type predicate struct{ source *Source }

var comparisonOps = map[string]view.CompareOp{
	"COMPARE_EQUAL": view.Equal, "COMPARE_NOTEQUAL": view.NotEqual,
	"COMPARE_LESSTHAN": view.Less, "COMPARE_LESSTHANOREQUALTO": view.LessOrEqual,
	"COMPARE_GREATERTHAN": view.Greater, "COMPARE_GREATERTHANOREQUALTO": view.GreaterOrEqual,
}

// mirrored is the operator with its operands exchanged.
var mirrored = map[view.CompareOp]view.CompareOp{
	view.Equal: view.Equal, view.NotEqual: view.NotEqual, view.Less: view.Greater, view.Greater: view.Less,
	view.LessOrEqual: view.GreaterOrEqual, view.GreaterOrEqual: view.LessOrEqual,
}

func (p predicate) read(n ast.Node) ([]view.Comparison, bool) {
	switch n.Class() {
	case "CONJUNCTION":
		if n.Kind() != "CONJUNCTION_AND" {
			return nil, false
		}
		var all []view.Comparison
		for _, c := range n.List("children") {
			list, ok := p.read(c)
			if !ok {
				return nil, false
			}
			all = append(all, list...)
		}
		return all, true
	case "COMPARISON":
		op, ok := comparisonOps[n.Kind()]
		if !ok {
			return nil, false
		}
		if p.column(n.Child("left")) < 0 {
			return p.compare(n.Child("right"), mirrored[op], n.Child("left"))
		}
		return p.compare(n.Child("left"), op, n.Child("right"))
	case "BETWEEN":
		lower, ok := p.compare(n.Child("input"), view.GreaterOrEqual, n.Child("lower"))
		upper, both := p.compare(n.Child("input"), view.LessOrEqual, n.Child("upper"))
		return append(lower, upper...), ok && both && n.Kind() == "COMPARE_BETWEEN"
	case "OPERATOR":
		return p.operator(n)
	case "COLUMN_REF":
		return p.boolean(n, true)
	}
	return nil, false
}

// operator reads IS NULL, IS NOT NULL and NOT over a column.
func (p predicate) operator(n ast.Node) ([]view.Comparison, bool) {
	args := n.List("children")
	if len(args) != 1 {
		return nil, false
	}
	i := p.column(args[0])
	switch {
	case i < 0:
		return nil, false
	case n.Kind() == "OPERATOR_IS_NULL":
		return []view.Comparison{{Column: i, Op: view.IsNull}}, true
	case n.Kind() == "OPERATOR_IS_NOT_NULL":
		return []view.Comparison{{Column: i, Op: view.IsNotNull}}, true
	case n.Kind() == "OPERATOR_NOT":
		return p.boolean(args[0], false)
	}
	return nil, false
}

func (p predicate) boolean(n ast.Node, value bool) ([]view.Comparison, bool) {
	i := p.column(n)
	if i < 0 || p.source.Columns[i].Type.Kind != batch.Boolean {
		return nil, false
	}
	return []view.Comparison{{Column: i, Op: view.Equal, Literal: value}}, true
}

func (p predicate) column(n ast.Node) int {
	names := n.Strings("column_names")
	if n.Class() != "COLUMN_REF" || len(names) != 1 {
		return -1
	}
	return p.source.index(names[0])
}

func (p predicate) compare(column ast.Node, op view.CompareOp, constant ast.Node) ([]view.Comparison, bool) {
	i := p.column(column)
	if i < 0 {
		return nil, false
	}
	literal, ok := ast.ExactLiteral(p.source.Columns[i].Type, constant)
	return []view.Comparison{{Column: i, Op: op, Literal: literal}}, ok
}
