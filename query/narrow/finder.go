package narrow

import (
	"context"
	"encoding/json"
	"math"
	"strconv"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/query/gate"
)

// Finder finds what one execution of a query needs.
type Finder struct {
	Reads *gate.Reads
	Args  []any // in the Go types of package batch
	Read  *engine.Read
	// Definition returns the definition of a source.
	Definition func(name string) any
	// Deserialize returns the text of a tree of which json_deserialize_sql has the
	// text, and Zone is the session's time zone: expressions are computed in the
	// query's transaction.
	Deserialize func(ctx context.Context, tree []byte) (string, error)
	Zone        string
}

// Narrow has the read give the query only what it needs, until its Widen is called.
// With alone nothing else uses the read.
func (f *Finder) Narrow(ctx context.Context, alone bool) error {
	_, err := f.narrow(ctx, alone)
	return err
}

func (f *Finder) narrow(ctx context.Context, alone bool) (needs map[string]*view.Needs, err error) {
	if len(f.Reads.TimeBounds)+len(f.Reads.Keys)+len(f.Reads.Tops) == 0 {
		return nil, nil
	}
	bounds, err := f.bounds(ctx)
	if err != nil {
		return nil, err
	}
	f.Read.SetTimeBounds(bounds)
	if needs, err = f.needs(ctx); err == nil && len(needs) > 0 {
		f.Read.Narrow(needs, alone && len(needs) == len(f.Reads.Relations))
	}
	return needs, err
}

// manyGroups is how many groups a view must have so that it pays to ask DuckDB for
// the value of an expression.
var manyGroups = 4096

// mostRows is how many first rows are looked for.
const mostRows = 10_000

// shape returns the shape of a reference to a view, which [gate.Relation] had as its
// Tag. It is nil for what is no view, for one that was another then, and if the query
// refers to it twice: what two need together is not found out.
func (f *Finder) shape(ref int) (s *Shape, groups int) {
	s, ok := f.Reads.Relations[ref].Tag.(*Shape)
	if !ok {
		return nil, 0
	}
	for i, r := range f.Reads.Relations {
		if i != ref && r.Name == f.Reads.Relations[ref].Name {
			return nil, 0
		}
	}
	def, groups := f.Read.ViewGroups(f.Reads.Relations[ref].Name)
	if def == nil || def != s.def {
		return nil, 0
	}
	return s, groups
}

// needs returns what the query needs of views, by their names. A view that is not
// there is needed whole.
func (f *Finder) needs(ctx context.Context) (map[string]*view.Needs, error) {
	needs := make(map[string]*view.Needs)
	of := func(ref int) *view.Needs {
		name := f.Reads.Relations[ref].Name
		if needs[name] == nil {
			needs[name] = &view.Needs{Low: math.MinInt64, High: math.MaxInt64}
		}
		return needs[name]
	}
	for _, c := range f.Reads.Keys {
		if err := f.keys(ctx, c, of); err != nil {
			return nil, err
		}
	}
	for _, b := range f.Reads.TimeBounds {
		s, groups := f.shape(b.Ref)
		if s == nil {
			continue
		}
		value, ok, err := f.time(ctx, b.Operand, s.state[s.Start].typ, groups)
		if err != nil {
			return nil, err
		}
		if ok {
			n := of(b.Ref)
			n.Low, n.High = narrowed(n.Low, n.High, b.Op, value)
		}
	}
	for _, t := range f.Reads.Tops {
		s, _ := f.shape(t.Ref)
		limit, ok := f.count(t.Limit)
		offset, known := f.count(t.Offset)
		if s != nil && ok && known && limit+offset <= mostRows {
			of(t.Ref).Top = &view.TopNeed{Column: s.state[t.Column].index, Desc: t.Desc, Rows: int(max(1, limit+offset))}
		}
	}
	return needs, nil
}

// keys adds a condition on a key. One on window_start bounds the windows.
func (f *Finder) keys(ctx context.Context, c gate.KeyCondition, of func(int) *view.Needs) error {
	s, groups := f.shape(c.Ref)
	if s == nil {
		return nil
	}
	column := s.state[c.Column]
	if column.key < 0 && (c.Null || len(c.Values) == 1) {
		return nil // windows without a start; and what is a time bound too
	}
	need := view.KeyNeed{Key: column.key}
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	for _, operand := range c.Values {
		v, ok, err := f.value(ctx, operand, column.typ, groups)
		switch {
		case err != nil || !ok:
			return err
		case v.Values == nil && !c.Null: // it is equal to nothing
		case column.key < 0:
			low, high = min(low, v.Int64(0)), max(high, v.Int64(0))
		default:
			need.Values = append(need.Values, v)
		}
	}
	n := of(c.Ref)
	if column.key < 0 {
		n.Low, n.High = max(n.Low, low), min(n.High, high)
	} else {
		n.Keys = append(n.Keys, need)
	}
	return nil
}

// value returns the value of an operand as one of a type, if it is known.
func (f *Finder) value(ctx context.Context, o gate.Operand, t batch.Type, groups int) (batch.Vector, bool, error) {
	value, known := any(nil), o.Expr == nil
	switch {
	case o.Param > len(f.Args):
		return batch.Vector{}, false, nil
	case o.Param > 0:
		value = f.Args[o.Param-1]
	case o.Expr != nil:
		value, known = constant(o.Expr)
	}
	if known {
		if v, ok := vector(value, t); ok || o.Param > 0 {
			return v, ok, nil
		}
	}
	if groups < manyGroups {
		return batch.Vector{}, false, nil
	}
	value, ok, err := f.evaluate(ctx, o, t)
	if err != nil || !ok {
		return batch.Vector{}, false, err
	}
	v, ok := vector(value, t)
	return v, ok, nil
}

// time returns an operand as a finite moment in microseconds.
func (f *Finder) time(ctx context.Context, o gate.Operand, t batch.Type, groups int) (micros int64, ok bool, err error) {
	v, ok, err := f.value(ctx, o, t, groups)
	if err != nil || !ok || v.Values == nil {
		return 0, false, err
	}
	if micros = v.Integer(0); t.Kind == batch.Date {
		days := micros
		micros *= dayMicros
		return micros, days > int64(batch.NegInfinityDays) && days < int64(batch.InfinityDays), nil
	}
	return micros, micros >= batch.MinMicros && micros <= batch.MaxMicros, nil
}

// count returns a number of rows. None is 0.
func (f *Finder) count(o gate.Operand) (int64, bool) {
	value, ok := any(nil), true
	switch {
	case o.Param > len(f.Args):
		return 0, false
	case o.Param > 0:
		if value = f.Args[o.Param-1]; value == nil {
			return 0, false
		}
	case o.Expr != nil:
		if value, ok = constant(o.Expr); value == nil {
			return 0, false
		}
	}
	if value == nil {
		return 0, true
	}
	n, scale, exact := exact(value)
	if !ok || !exact || scale != 0 || !n.IsInt64() || n.Sign() < 0 || n.Int64() > mostRows {
		return 0, false
	}
	return n.Int64(), true
}

const dayMicros = 86_400_000_000

// narrowed cuts an interval by one condition. Strict ones are taken as their
// weaker forms: leaving batches and windows out needs no more.
func narrowed(low, high int64, op string, value int64) (int64, int64) {
	switch op {
	case ">", ">=":
		low = max(low, value)
	case "<", "<=":
		high = min(high, value)
	case "=":
		low, high = max(low, value), min(high, value)
	}
	return low, high
}

// literal is a constant in a tree.
type literal struct {
	Class string
	Value struct {
		Type struct {
			ID   string                       `json:"id"`
			Info struct{ Width, Scale uint8 } `json:"type_info"`
		} `json:"type"`
		Null  bool `json:"is_null"`
		Value json.RawMessage
	}
}

// constant returns the value of a constant's tree, if it is a text, a boolean or a
// number of up to 64 bits without a point in binary.
func constant(tree []byte) (value any, ok bool) {
	var l literal
	if json.Unmarshal(tree, &l) != nil || l.Class != "CONSTANT" {
		return nil, false
	}
	if l.Value.Null {
		return nil, true
	}
	switch l.Value.Type.ID {
	case "VARCHAR":
		var s string
		err := json.Unmarshal(l.Value.Value, &s)
		return s, err == nil
	case "BOOLEAN":
		var b bool
		err := json.Unmarshal(l.Value.Value, &b)
		return b, err == nil
	case "INTEGER", "BIGINT":
		n, err := strconv.ParseInt(string(l.Value.Value), 10, 64)
		return n, err == nil
	case "DECIMAL":
		n, err := strconv.ParseInt(string(l.Value.Value), 10, 64)
		return batch.DecimalValue{Unscaled: batch.Int128From(n), Scale: l.Value.Type.Info.Scale}, err == nil
	}
	return nil, false
}
