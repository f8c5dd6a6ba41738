package narrow

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query/gate"
)

// evaluate asks DuckDB for the value of an expression that must have the type. A
// text that is written where a value of another type is compared is read as one of
// that type, as the comparison does. What is NULL, or fails, has no value here: the query
// will say so.
func (f *Finder) evaluate(ctx context.Context, o gate.Operand, t batch.Type) (value any, ok bool, err error) {
	read, fits := readers[t.Kind]
	if !fits {
		return nil, false, nil
	}
	cast := ""
	if c, known := constant(o.Expr); known && c != nil {
		if _, isText := c.(string); !isText {
			return nil, false, nil
		}
		cast = "::" + t.String()
	}
	sql, err := f.Deserialize(ctx, o.Statement())
	expr, found := strings.CutPrefix(strings.TrimSuffix(sql, ";"), "SELECT ")
	if err != nil || !found {
		return nil, false, ctx.Err()
	}
	if err := f.Read.SetTimeZone(ctx, f.Zone); err != nil {
		return nil, false, err
	}
	// An error would end the transaction.
	rows, err := f.Read.Conn().Query(ctx, fmt.Sprintf("SELECT typeof(x), x IS NULL, %s FROM (SELECT TRY((%s)%s)) AS t(x)", read.sql, expr, cast))
	if err != nil {
		return nil, false, ctx.Err()
	}
	defer rows.Close()
	var (
		kind string
		null bool
		text string
		n    int64
	)
	out := []any{&kind, &null, &n}
	if read.text {
		out[2] = &text
	}
	if ok, err := rows.Next(); err != nil || !ok || rows.Scan(out...) != nil {
		return nil, false, ctx.Err()
	}
	if kind != t.String() || null { // or it failed
		return nil, false, nil
	}
	value, ok = read.value(text, n)
	return value, ok, nil
}

// reader reads a value of a type out of a row.
type reader struct {
	sql   string // a BIGINT, or a VARCHAR, of the value x; not NULL
	text  bool
	value func(text string, n int64) (any, bool)
}

var readers = map[batch.Kind]reader{
	batch.Varchar: {"coalesce(x, '')", true, func(s string, _ int64) (any, bool) { return s, true }},
	batch.UUID: {"coalesce(x::VARCHAR, '')", true, func(s string, _ int64) (any, bool) {
		u, err := batch.ParseUUID([]byte(strings.TrimSpace(s)))
		return u, err == nil
	}},
	batch.SmallInt:    integers,
	batch.Integer:     integers,
	batch.BigInt:      integers,
	batch.Date:        {finite("x - DATE '1970-01-01'"), false, func(_ string, n int64) (any, bool) { return batch.DateValue(n), n != noTime }},
	batch.Timestamp:   {finite("epoch_us(x)"), false, func(_ string, n int64) (any, bool) { return batch.TimestampValue(n), n != noTime }},
	batch.TimestampTZ: {finite("epoch_us(x)"), false, func(_ string, n int64) (any, bool) { return batch.TimestampTZValue(n), n != noTime }},
}

// noTime is the number of what is no finite time.
const noTime = math.MinInt64

func finite(sql string) string {
	return "coalesce(CASE WHEN isfinite(x) THEN " + sql + " END, -9223372036854775808)"
}

var integers = reader{"coalesce(x::BIGINT, 0)", false, func(_ string, n int64) (any, bool) { return n, true }}
