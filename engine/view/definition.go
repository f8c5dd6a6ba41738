package view

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
)

// Definition is a materialized view split into its three stages. query/plan
// makes it from a SELECT; the engine runs it and never looks at SQL itself.
//
// Stage one computes Exprs over a batch of the source, row by row. Stage two
// keeps, per window and group, one accumulator for each of Aggregates. Stage
// three is the text Result, which DuckDB evaluates over the state's columns.
type Definition struct {
	Name      string        // lower case, unquoted
	Source    string        // the source it reads
	SQL       string        // the SELECT as the user wrote it
	Retention time.Duration // of closed windows in history, 0 for ever

	Exprs []Expr // what stage one computes
	Where int    // index into Exprs of a BOOLEAN expression, -1 for none

	Window     *Window // nil: groups live for ever
	Keys       []Key   // the group's columns k0, k1, …
	Aggregates []Aggregate

	// Result is a SELECT over the relation {{state}}, whose columns are
	// window_start and window_end (if Window is set, in the type of the event
	// time), k0… for Keys and a0… for Aggregates. HAVING is its WHERE clause.
	Result  string
	Columns []batch.Column // the view's own columns, in order
}

// Expr is an expression over one row of the source.
type Expr struct {
	SQL    string     // DuckDB text; columns appear by their quoted names
	Type   batch.Type // the type it yields
	Column int        // ≥ 0: it is exactly this column of the source, else -1
	// Conjuncts, when not nil, says that the expression is BOOLEAN and equals
	// the conjunction of these comparisons, so that no SQL is needed.
	Conjuncts []Comparison
}

// CompareOp is the operator of a Comparison.
type CompareOp uint8

// The operators. IsNull and IsNotNull have no literal.
const (
	Equal CompareOp = iota
	NotEqual
	Less
	LessOrEqual
	Greater
	GreaterOrEqual
	IsNull
	IsNotNull
)

// Comparison compares a column of the source with a literal. The literal is
// of the column's physical kind and exact: int64 for every integer column and
// for decimals of up to 18 digits (unscaled), float64 for REAL and DOUBLE,
// string for VARCHAR, bool for BOOLEAN. NULL compares to NULL; NaN is equal to
// itself and greater than every other number, as in DuckDB.
type Comparison struct {
	Column  int
	Op      CompareOp
	Literal any
}

// Window assigns each row to one tumbling window by its event time.
type Window struct {
	Expr int // index into Exprs of the event time: TIMESTAMP or TIMESTAMPTZ
	// Width is the window's length when it is fixed: Origin + n*Width are the
	// window starts. Months is its length in calendar months otherwise, counted
	// from Origin, which is then the first of a month; exactly one is set.
	WidthMicros  int64
	Months       int32
	OriginMicros int64 // microseconds since 1970-01-01 UTC
}

// Key is one column of the group's key, besides the window.
type Key struct {
	Expr int // index into Exprs
	Type batch.Type
}

// Aggregate is one accumulator of a group.
type Aggregate struct {
	Func   aggregate.Function
	Arg    int        // index into Exprs, -1 for CountStar
	Filter int        // index into Exprs of a BOOLEAN expression, -1 for none
	Type   batch.Type // of the column a<i>
}

// comparisonJSON keeps the literal's Go type, which plain JSON would lose.
type comparisonJSON struct {
	Column int
	Op     CompareOp
	Int    *int64   `json:",omitempty"`
	Float  *float64 `json:",omitempty"`
	String *string  `json:",omitempty"`
	Bool   *bool    `json:",omitempty"`
}

// MarshalJSON writes the comparison for the catalog.
func (c Comparison) MarshalJSON() ([]byte, error) {
	j := comparisonJSON{Column: c.Column, Op: c.Op}
	switch v := c.Literal.(type) {
	case int64:
		j.Int = &v
	case float64:
		j.Float = &v
	case string:
		j.String = &v
	case bool:
		j.Bool = &v
	case nil:
	default:
		return nil, fmt.Errorf("comparison with a literal of type %T", c.Literal)
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *Comparison) UnmarshalJSON(b []byte) error {
	var j comparisonJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*c = Comparison{Column: j.Column, Op: j.Op}
	switch {
	case j.Int != nil:
		c.Literal = *j.Int
	case j.Float != nil:
		c.Literal = *j.Float
	case j.String != nil:
		c.Literal = *j.String
	case j.Bool != nil:
		c.Literal = *j.Bool
	}
	return nil
}
