package avro

import (
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// Compile returns a decoder of records written with s for the columns of schema,
// which are the first columns of the builders that Decode is given. If a field
// does not fit its column, the error is a *decode.RefusedError with all of them. Of the
// limits, MaxFields is none: how many fields a record has is the schema's affair.
func Compile(s *Schema, schema *batch.Schema, limits decode.Limits) (*Decoder, error) {
	limits = limits.WithDefaults()
	d := &Decoder{
		record: s.root.name, maxBytes: limits.MaxBytes, maxDepth: limits.MaxDepth,
		maxText: 4 * limits.MaxBytes, // the names of fields are in JSON again and again, but not in the record
	}
	var refused decode.RefusedError
	names := make([]decode.Field, len(s.root.fields))
	for i, f := range s.root.fields {
		names[i] = decode.Field{Name: f.name, Aliases: f.aliases}
	}
	columnOf := decode.ColumnsOf(names, schema)
	for i := range s.root.fields {
		f := &s.root.fields[i]
		c := columnOf[i]
		if c < 0 {
			d.steps = append(d.steps, step{run: skipValue, node: f.typ, column: -1, field: f.name})
			continue
		}
		column := schema.Columns[c]
		st, err := fit(f.typ, column.Type)
		if err != nil {
			refused.Add(column, f.name, f.typ, err)
		}
		st.column, st.name, st.field = c, column.Name, f.name
		d.steps = append(d.steps, st)
	}
	d.missing = decode.Missing(columnOf, schema)
	if err := refused.Check(d.missing, schema); err != nil {
		return nil, err
	}
	return d, nil
}

// fit returns the step that reads values of a type into a column.
func fit(n *node, typ batch.Type) (step, error) {
	s := step{node: n, typ: typ}
	switch {
	case n.kind == nullKind:
		s.run = takeNull
		return s, nil
	case n.kind == unionKind:
		return fitUnion(s)
	case typ.Kind == batch.JSON && n.json:
		s.run = takeInner
		return s, nil
	case typ.Kind == batch.JSON:
		s.run = takeJSON
		return s, nil
	case typ.Nested != nil:
		return fitNested(s)
	}
	var err error
	switch typ.Kind {
	case batch.TinyInt, batch.SmallInt, batch.Integer, batch.BigInt, batch.HugeInt,
		batch.UTinyInt, batch.USmallInt, batch.UInteger, batch.UBigInt:
		s.run, err = fitInteger(n, typ.Kind)
	case batch.Decimal:
		s.run, s.up, err = fitDecimal(n, typ)
	default:
		s.run, err = fitKind(n, typ.Kind)
	}
	return s, err
}

// fitUnion fits each branch. Branches of several types in a VARCHAR are text.
func fitUnion(s step) (step, error) {
	values := 0
	for _, b := range s.node.branches {
		if b.kind != nullKind {
			values++
		}
	}
	for _, b := range s.node.branches {
		branch, err := fit(b, s.typ)
		if s.typ.Kind == batch.Varchar && values > 1 && b.kind != nullKind {
			branch, err = step{run: takeShown, node: b, typ: s.typ}, nil
		}
		if err != nil {
			if values > 1 {
				err = fmt.Errorf("its branch %s does not fit", b)
			}
			return s, err
		}
		s.branches = append(s.branches, branch)
	}
	s.run = takeUnion
	return s, nil
}

type taker = func(*Decoder, *step, *batch.ColumnBuilder) bool

func fitInteger(n *node, kind batch.Kind) (taker, error) {
	switch {
	case n.kind != intKind && n.kind != longKind:
		if n.kind == floatKind || n.kind == doubleKind || n.logical == decimal {
			return nil, decode.ErrNarrower
		}
		return nil, decode.ErrFamily
	case n.logical != plain && !n.connect:
		return nil, decode.ErrFamily
	case kind == batch.HugeInt:
		return takeHuge, nil
	case kind == batch.BigInt:
		return takeLong, nil
	case kind == batch.Integer && n.kind == intKind:
		return takeInt, nil
	}
	return nil, decode.ErrNarrower
}

// The digits of the longest int and of the longest long.
const intDigits, longDigits = 10, 19

// fitDecimal also returns by which power of ten numbers become the column's.
func fitDecimal(n *node, typ batch.Type) (taker, int, error) {
	whole := int(typ.Precision) - int(typ.Scale)
	switch {
	case n.logical == decimal:
		up := int(typ.Scale) - n.scale
		if up < 0 || n.precision-n.scale > whole {
			return nil, 0, decode.ErrNarrower
		}
		return takeDecimal, up, nil
	case n.logical != plain || n.kind != intKind && n.kind != longKind:
		if n.kind == floatKind || n.kind == doubleKind {
			return nil, 0, decode.ErrNarrower
		}
		return nil, 0, decode.ErrFamily
	case n.kind == intKind && whole < intDigits, n.kind == longKind && whole < longDigits:
		return nil, 0, decode.ErrNarrower
	}
	return takeWhole, int(typ.Scale), nil
}

// fitKind fits what neither is an integer nor a decimal.
func fitKind(n *node, column batch.Kind) (taker, error) {
	text := n.kind == stringKind || n.kind == bytesKind && n.logical == plain
	number := (n.kind == intKind || n.kind == longKind) && n.logical == plain
	switch l := n.logical; column {
	case batch.Boolean:
		if n.kind == booleanKind {
			return takeBoolean, nil
		}
	case batch.Real, batch.Double:
		return fitFloat(n, column, number)
	case batch.Varchar:
		switch {
		case text:
			return takeText, nil
		case n.kind == enumKind:
			return takeSymbol, nil
		case l == uuid:
			return takeShown, nil
		case n.kind == recordKind || n.kind == arrayKind || n.kind == mapKind:
			return nil, decode.ErrDeclare
		}
		return nil, decode.ErrText
	case batch.Blob:
		if text || n.kind == fixedKind && l == plain {
			return takeBytes, nil
		}
	case batch.Date:
		if l == date {
			return takeDate, nil
		}
	case batch.Time:
		if l == timeMillis || l == timeMicros {
			return takeTime, nil
		}
	case batch.Timestamp, batch.TimestampTZ:
		if l >= timestampMillis && l <= localNanos {
			return takeTimestamp, nil
		}
		if n.zoned {
			return takeZoned, nil
		}
		if n.kind == longKind && l == plain {
			return nil, decode.ErrTimestamp
		}
	case batch.Interval:
		if l == duration {
			return takeInterval, nil
		}
	case batch.UUID:
		switch {
		case l == uuid && n.kind == fixedKind:
			return takeUUID, nil
		case l == uuid:
			return takeUUIDText, nil
		}
	}
	return nil, decode.ErrFamily
}

func fitFloat(n *node, column batch.Kind, number bool) (taker, error) {
	switch {
	case column == batch.Double && (number || n.kind == floatKind || n.kind == doubleKind):
		return takeDouble, nil
	case column == batch.Real && (number || n.kind == floatKind):
		return takeReal, nil
	case n.kind == doubleKind || n.logical == decimal:
		return nil, decode.ErrNarrower
	}
	return nil, decode.ErrFamily
}
