package view

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/window"
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

	// Joins come before stage one; nil: it reads the source's rows. Otherwise
	// its columns are SourceColumns of the source and those that joins add.
	Joins         []Join `json:",omitempty"`
	SourceColumns []int  `json:",omitempty"`
	// Select, when not nil, makes it a view without aggregation: a row for each
	// row of the source that passes Where, of these of the Exprs. Window, Keys,
	// Aggregates and Result are not set then.
	Select []int `json:",omitempty"`
	// Union is the further branches of a UNION ALL of views without aggregation,
	// each with the same Name and Columns, over any source.
	Union []Definition `json:",omitempty"`
	// EventTime is the column by which views over this one can be windowed: the
	// source's event time, passed on, or window_start, or for sessions
	// window_end; "" for none.
	EventTime string `json:",omitempty"`

	Exprs []Expr // what stage one computes
	Where int    // index into Exprs of a BOOLEAN expression, -1 for none

	Window     *Window // nil: groups live for ever, or as TTL says
	TTL        *TTL    `json:",omitempty"`
	Keys       []Key   // the group's columns k0, k1, …
	Aggregates []Aggregate

	// GroupingSets, when not nil, groups every row once for each set: by the
	// Keys whose indexes it lists, the others being NULL. Session windows have
	// none.
	GroupingSets [][]int `json:",omitempty"`

	// Result is a SELECT over the relation {{state}}, which it names once. Its
	// columns are window_start and window_end (if Window is set, in the type of
	// the event time), k0… for Keys, grouping_set (a BIGINT, the index into
	// GroupingSets, if that is set), and a0… for the state columns of
	// Aggregates, one after the other: aggregate.Accumulator.Columns says which
	// an aggregate has. What is packed in the state is the nested value here. With a Bag among the Aggregates there is g, a BIGINT
	// that is different for every row, and for aggregate i, if it is a Bag, the
	// relation {{bag i}} (as in {{bag0}}) with g, n and v0… for its Args, a row for
	// each row that was added. n, a BIGINT, is larger for rows that came later.
	//
	// Windows are read one at a time or many together, so a row of the result
	// may depend only on rows of the state with the same window.
	Result  string
	Columns []batch.Column // the view's own columns, in order
}

// Expr is an expression over one row of the source.
type Expr struct {
	SQL     string     // DuckDB text; columns appear by their quoted names
	Type    batch.Type // the type it yields
	Column  int        // ≥ 0: it is exactly this column of the input, else -1
	Packing Packing    `json:",omitempty"` // of a nested value that is a key or kept by an aggregate
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

// Window assigns each row to windows by its event time. The windows of a
// session belong to the keys of its group: each has sessions of its own.
type Window struct {
	Expr int // index into Exprs of the event time: TIMESTAMP or TIMESTAMPTZ
	window.Spec
	// LatenessMicros is for how long a window can be corrected after the
	// watermark has reached its end.
	LatenessMicros int64 `json:",omitempty"`
	// Final: readers see a window once the watermark has reached its end.
	Final bool `json:",omitempty"`
	// OverClosed, of sessions: rows are windows that have closed, or come from such,
	// and none is late. The watermark is the least time that one to come can have,
	// at which it would join a session that ends there.
	OverClosed bool `json:",omitempty"`
}

// TTL ends the groups of a view without windows: each when the watermark has
// gone so far beyond the greatest event time of its rows. A row whose own event
// time is that far behind the watermark before it is late. A view with grouping
// sets has none.
type TTL struct {
	Expr   int // index into Exprs of the event time: TIMESTAMP or TIMESTAMPTZ
	Micros int64
	// InOrder: rows come in the order of their event times, each of which is the
	// watermark before it: those of windows that have closed do. The watermark
	// that comes with them depends on how many close together.
	InOrder bool `json:",omitempty"`
}

// Key is one column of the group's key, besides the window. Its type is the one that
// the expression has in the state: its StateType.
type Key struct {
	Expr int // index into Exprs
	Type batch.Type
}

// Aggregate is one accumulator of a group.
type Aggregate struct {
	Func     aggregate.Function
	Args     []int     `json:",omitempty"` // indexes into Exprs
	Filter   int       // index into Exprs of a BOOLEAN expression, -1 for none
	Distinct bool      `json:",omitempty"` // each value of Args[0] counts once
	Params   []float64 `json:",omitempty"` // of functions that have some, such as the places of quantiles
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
