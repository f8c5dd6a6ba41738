package view

import (
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// filter keeps the rows for which a BOOLEAN expression is true: either by its
// conjuncts over the source's columns, or by its computed value.
func filter(rows []int32, e *Expr, computed *batch.Vector, source func(column int) *batch.Vector) []int32 {
	if e.Conjuncts == nil {
		kept := rows[:0]
		for _, r := range rows {
			if !computed.Null(int(r)) && computed.Bool(int(r)) {
				kept = append(kept, r)
			}
		}
		return kept
	}
	for i := range e.Conjuncts {
		rows = e.Conjuncts[i].filter(rows, source(e.Conjuncts[i].Column))
	}
	return rows
}

// filter keeps the rows for which the comparison is true, in place.
func (c *Comparison) filter(rows []int32, v *batch.Vector) []int32 {
	kept := rows[:0]
	for _, r := range rows {
		row := int(r)
		null := v.Null(row)
		switch c.Op {
		case IsNull:
			if null {
				kept = append(kept, r)
			}
		case IsNotNull:
			if !null {
				kept = append(kept, r)
			}
		default:
			if !null && c.Op.accepts(c.compare(v, row)) {
				kept = append(kept, r)
			}
		}
	}
	return kept
}

// compare orders value row against the literal.
func (c *Comparison) compare(v *batch.Vector, row int) int {
	switch want := c.Literal.(type) {
	case int64:
		got := v.Integer(row)
		if v.Type.Kind == batch.UBigInt && got < 0 { // beyond int64, so beyond the literal
			return 1
		}
		return compareOrdered(got, want)
	case float64:
		return batch.CompareFloat(v.Float(row), want)
	case string:
		return strings.Compare(string(v.Bytes(row)), want)
	case bool:
		switch got := v.Bool(row); {
		case got == want:
			return 0
		case got:
			return 1
		}
	}
	return -1
}

func compareOrdered(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// accepts reports whether an order of -1, 0 or 1 satisfies the operator.
func (op CompareOp) accepts(order int) bool {
	switch op {
	case Equal:
		return order == 0
	case NotEqual:
		return order != 0
	case Less:
		return order < 0
	case LessOrEqual:
		return order <= 0
	case Greater:
		return order > 0
	default:
		return order >= 0
	}
}
