package view

import (
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

// Definition is a materialized view split into its three stages. query/plan
// makes it from a SELECT; the engine runs it and never looks at SQL itself.
//
// Stage one computes Exprs over a batch of the source, row by row. Stage two
// keeps, per window and group, one accumulator for each of Aggregates. Stage
// three is the text Result, which DuckDB evaluates over the state's columns.
type Definition struct {
	Name      string // lower case, unquoted
	Source    string // the source it reads
	SQL       string // the SELECT as the user wrote it
	Retention time.Duration

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

// Function is an aggregate that the engine keeps itself. Others are built from
// these by stage three: avg is sum over count.
type Function uint8

// The functions.
const (
	CountStar Function = iota // rows
	Count                     // non-NULL values
	Sum                       // HUGEINT for integers and BOOLEAN, DECIMAL(38,s) for decimals, DOUBLE for floats
	Min
	Max
	BoolAnd
	BoolOr
	CountDistinct
)

// Aggregate is one accumulator of a group.
type Aggregate struct {
	Func   Function
	Arg    int        // index into Exprs, -1 for CountStar
	Filter int        // index into Exprs of a BOOLEAN expression, -1 for none
	Type   batch.Type // of the column a<i>
}
