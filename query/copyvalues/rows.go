// Package copyvalues takes the rows that clients send behind COPY FROM STDIN in the
// binary format, value by value, into columns.
package copyvalues

import (
	"fmt"
	"strconv"

	"github.com/millstream-db/millstream/engine/batch"
)

// Rows are the rows so far.
type Rows struct {
	b *batch.Builder
}

// New returns no rows, for columns of the given types.
func New(types []batch.Type, mem *batch.Allocator) *Rows {
	schema := []batch.Column{{Name: "n", Type: batch.Type{Kind: batch.BigInt}}}
	for i, t := range types {
		schema = append(schema, batch.Column{Name: fmt.Sprint("c", i), Type: carrier(t)})
	}
	return &Rows{b: batch.NewBuilder(mem, batch.NewSchema(schema))}
}

// carrier returns the type of the column that holds values for one of type t, as
// PostgreSQL has them: what it has no number for comes as a numeric, whose digits
// are kept as text.
func carrier(t batch.Type) batch.Type {
	switch t.Kind {
	case batch.TinyInt, batch.SmallInt, batch.Integer, batch.BigInt, batch.UTinyInt, batch.USmallInt, batch.UInteger:
		return batch.Type{Kind: batch.BigInt}
	case batch.Boolean, batch.Real, batch.Double, batch.Blob, batch.Date, batch.Time, batch.Timestamp, batch.TimestampTZ, batch.Interval, batch.UUID:
		return batch.Type{Kind: t.Kind}
	}
	return batch.Type{Kind: batch.Varchar}
}

// Rows returns the builder of the rows: their numbers, from 1, in column n, their
// values in c0, c1, ….
func (r *Rows) Rows() *batch.Builder { return r.b }

// Bytes returns the memory in use.
func (r *Rows) Bytes() int64 { return r.b.Bytes() }

// Append appends a row, one value for each column: nil, bool, int64, float32, float64,
// string, []byte, batch.DateValue or its like. On an error the row is not appended.
func (r *Rows) Append(values []any) error {
	rows := r.b.Rows()
	for i, v := range values {
		if !appendValue(r.b.Column(i+1), v) {
			r.b.Truncate(rows)
			return fmt.Errorf("a value of Go type %T for a column of type %s", v, r.b.Column(i+1).Type())
		}
	}
	r.b.Column(0).AppendInt64(int64(rows) + 1)
	return nil
}

func appendValue(c *batch.ColumnBuilder, value any) bool {
	kind := c.Type().Kind
	switch v := value.(type) {
	case nil:
		c.AppendNull()
		return true
	case bool:
		return appendIf(kind == batch.Boolean, c.AppendBool, v)
	case int64:
		return appendIf(kind == batch.BigInt, c.AppendInt64, v)
	case float32:
		return appendIf(kind == batch.Real, c.AppendFloat32, v)
	case float64:
		if kind == batch.Varchar { // a numeric that is no number
			c.AppendString(strconv.FormatFloat(v, 'g', -1, 64))
			return true
		}
		return appendIf(kind == batch.Double, c.AppendFloat64, v)
	case batch.DecimalValue:
		return appendIf(kind == batch.Varchar, c.AppendString, v.String())
	case string:
		return appendIf(kind == batch.Varchar, c.AppendString, v)
	case []byte:
		return appendIf(kind == batch.Blob, c.AppendBytes, v)
	case batch.DateValue:
		return appendIf(kind == batch.Date, c.AppendInt32, int32(v))
	case batch.TimeValue:
		return appendIf(kind == batch.Time, c.AppendInt64, int64(v))
	case batch.TimestampValue:
		return appendIf(kind == batch.Timestamp, c.AppendInt64, int64(v))
	case batch.TimestampTZValue:
		return appendIf(kind == batch.TimestampTZ, c.AppendInt64, int64(v))
	case batch.IntervalValue:
		return appendIf(kind == batch.Interval, c.AppendInterval, v)
	case batch.UUIDValue:
		return appendIf(kind == batch.UUID, c.AppendUUID, v)
	}
	return false
}

func appendIf[T any](fits bool, appendTo func(T), v T) bool {
	if fits {
		appendTo(v)
	}
	return fits
}
