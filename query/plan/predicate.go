package plan

import (
	"math"
	"math/big"
	"strconv"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
)

// conjuncts returns the comparisons whose conjunction is n, or nil when n is
// anything else or when one of them would not be exactly DuckDB's.
func conjuncts(n node, source *Source) []view.Comparison {
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

func (p predicate) read(n node) ([]view.Comparison, bool) {
	switch n.class() {
	case "CONJUNCTION":
		if n.kind() != "CONJUNCTION_AND" {
			return nil, false
		}
		var all []view.Comparison
		for _, c := range n.list("children") {
			list, ok := p.read(c)
			if !ok {
				return nil, false
			}
			all = append(all, list...)
		}
		return all, true
	case "COMPARISON":
		op, ok := comparisonOps[n.kind()]
		if !ok {
			return nil, false
		}
		if p.column(n.child("left")) < 0 {
			return p.compare(n.child("right"), mirrored[op], n.child("left"))
		}
		return p.compare(n.child("left"), op, n.child("right"))
	case "BETWEEN":
		lower, ok := p.compare(n.child("input"), view.GreaterOrEqual, n.child("lower"))
		upper, both := p.compare(n.child("input"), view.LessOrEqual, n.child("upper"))
		return append(lower, upper...), ok && both && n.kind() == "COMPARE_BETWEEN"
	case "OPERATOR":
		return p.operator(n)
	case "COLUMN_REF":
		return p.boolean(n, true)
	}
	return nil, false
}

// operator reads IS NULL, IS NOT NULL and NOT over a column.
func (p predicate) operator(n node) ([]view.Comparison, bool) {
	args := n.list("children")
	if len(args) != 1 {
		return nil, false
	}
	i := p.column(args[0])
	switch {
	case i < 0:
		return nil, false
	case n.kind() == "OPERATOR_IS_NULL":
		return []view.Comparison{{Column: i, Op: view.IsNull}}, true
	case n.kind() == "OPERATOR_IS_NOT_NULL":
		return []view.Comparison{{Column: i, Op: view.IsNotNull}}, true
	case n.kind() == "OPERATOR_NOT":
		return p.boolean(args[0], false)
	}
	return nil, false
}

func (p predicate) boolean(n node, value bool) ([]view.Comparison, bool) {
	i := p.column(n)
	if i < 0 || p.source.Columns[i].Type.Kind != batch.Boolean {
		return nil, false
	}
	return []view.Comparison{{Column: i, Op: view.Equal, Literal: value}}, true
}

func (p predicate) column(n node) int {
	names := n.strings("column_names")
	if n.class() != "COLUMN_REF" || len(names) != 1 {
		return -1
	}
	return p.source.index(names[0])
}

func (p predicate) compare(column node, op view.CompareOp, constant node) ([]view.Comparison, bool) {
	i := p.column(column)
	if i < 0 {
		return nil, false
	}
	literal, ok := exactLiteral(p.source.Columns[i].Type, constant)
	return []view.Comparison{{Column: i, Op: op, Literal: literal}}, ok
}

// exactLiteral returns the constant in the physical kind of a column of type t,
// if comparing in that kind gives what DuckDB gives, which converts one side to
// the other's type or both to a third.
func exactLiteral(t batch.Type, constant node) (any, bool) {
	switch t.Kind {
	case batch.Varchar:
		return asAny(constString(constant))
	case batch.Boolean:
		return asAny(constBool(constant))
	case batch.Real, batch.Double:
		return floatLiteral(t, constant)
	case batch.Decimal:
		return decimalLiteral(t, constant)
	}
	limits, ok := integerLimits[t.Kind]
	unscaled, scale, constantOK := constDecimal(constant)
	if !ok || !constantOK || scale != 0 || constant.child("value").child("type").str("id") == "DECIMAL" || !unscaled.IsInt64() {
		return nil, false
	}
	v := unscaled.Int64()
	return v, v >= limits[0] && v <= limits[1]
}

func asAny[T any](v T, ok bool) (any, bool) { return v, ok }

// integerLimits are the least and greatest literals of integer columns.
var integerLimits = map[batch.Kind][2]int64{
	batch.TinyInt: {math.MinInt8, math.MaxInt8}, batch.SmallInt: {math.MinInt16, math.MaxInt16},
	batch.Integer: {math.MinInt32, math.MaxInt32}, batch.BigInt: {math.MinInt64, math.MaxInt64},
	batch.UTinyInt: {0, math.MaxUint8}, batch.USmallInt: {0, math.MaxUint16},
	batch.UInteger: {0, math.MaxUint32}, batch.UBigInt: {0, math.MaxInt64},
}

// decimalLiteral scales an integer or decimal to the column's scale.
func decimalLiteral(t batch.Type, constant node) (any, bool) {
	unscaled, scale, ok := constDecimal(constant)
	if !ok || t.Precision > 18 {
		return nil, false
	}
	v := new(big.Int).Mul(unscaled, pow10(int(t.Scale)))
	v, rest := v.QuoRem(v, pow10(scale), new(big.Int))
	if rest.Sign() != 0 || v.CmpAbs(pow10(int(t.Precision))) >= 0 {
		return nil, false
	}
	return v.Int64(), true
}

// floatLiteral converts a number that a double, or for a REAL column a float,
// holds exactly. DuckDB's conversion of such a number is exact as well.
func floatLiteral(t batch.Type, constant node) (any, bool) {
	f, ok := constDouble(constant)
	if !ok {
		unscaled, scale, ok := constDecimal(constant)
		if !ok || scale > 22 || unscaled.BitLen() > 53 {
			return nil, false
		}
		// Both are doubles without error, so that one division rounds once.
		power, err := strconv.ParseFloat(pow10(scale).String(), 64)
		if err != nil {
			return nil, false
		}
		f = float64(unscaled.Int64()) / power
	}
	if math.IsInf(f, 0) || t.Kind == batch.Real && float64(float32(f)) != f {
		return nil, false
	}
	return f, true
}
