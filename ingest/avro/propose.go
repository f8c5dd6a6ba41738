package avro

import (
	"slices"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// Propose adds the columns to p that hold the fields of records written with s, in
// their order, but those that have a column of table already.
func Propose(s *Schema, table *batch.Schema, p *decode.Proposal) {
	names := make([]decode.Field, len(s.root.fields))
	for i, f := range s.root.fields {
		names[i] = decode.Field{Name: f.name, Aliases: f.aliases}
	}
	columnOf := decode.ColumnsOf(names, table)
	for i, f := range s.root.fields {
		if columnOf[i] >= 0 {
			continue
		}
		if typ, ok := typeFor(f.typ, 0); ok {
			p.Add(f.name, typ)
		} else {
			p.Omit(f.name, "it is always null")
		}
	}
}

// ownTypes are the columns of what is no more than its form, or means something
// that SQL has a type for.
var (
	ownTypes = map[kind]batch.Kind{
		booleanKind: batch.Boolean, intKind: batch.Integer, longKind: batch.BigInt, floatKind: batch.Real, doubleKind: batch.Double,
		bytesKind: batch.Blob, stringKind: batch.Varchar, fixedKind: batch.Blob, enumKind: batch.Varchar,
	}
	meantTypes = map[logical]batch.Kind{
		date: batch.Date, timeMillis: batch.Time, timeMicros: batch.Time,
		timestampMillis: batch.TimestampTZ, timestampMicros: batch.TimestampTZ, timestampNanos: batch.TimestampTZ,
		localMillis: batch.Timestamp, localMicros: batch.Timestamp, localNanos: batch.Timestamp,
		uuid: batch.UUID, duration: batch.Interval,
	}
)

// decimalDigitsMax is how many digits a DECIMAL has at most.
const decimalDigitsMax = 38

var jsonType = batch.Type{Kind: batch.JSON}

// typeFor returns the type of a column for a field's values, false if they are
// nothing but null. around is how many nested types it will be in.
func typeFor(n *node, around int) (batch.Type, bool) {
	switch {
	case n.kind == nullKind:
		return batch.Type{}, false
	case n.kind == unionKind:
		return typeForUnion(n, around)
	case n.kind == recordKind || n.kind == arrayKind || n.kind == mapKind:
		return nestedFor(n, around), true
	case n.logical == decimal && n.precision <= decimalDigitsMax:
		return batch.Type{Kind: batch.Decimal, Precision: uint8(n.precision), Scale: uint8(n.scale)}, true
	case n.logical == decimal: // of more digits than SQL's
		return jsonType, true
	case n.logical != plain:
		return batch.Type{Kind: meantTypes[n.logical]}, true
	}
	return batch.Type{Kind: ownTypes[n.kind]}, true
}

// nestedFor returns the STRUCT, list or MAP of a record, an array or a map, and JSON
// if there is none: of a record that contains itself, of one without fields or with
// some that differ in letter case only, of items that are always null, and of what is
// too deep or too large.
func nestedFor(n *node, around int) batch.Type {
	if around >= batch.NestedDepthMax || n.contains(n, map[*node]bool{}) {
		return jsonType
	}
	var typ batch.Type
	var err error
	if n.kind == recordKind {
		var fields []batch.Column
		for _, f := range n.fields {
			if t, ok := typeFor(f.typ, around+1); ok {
				fields = append(fields, batch.Column{Name: f.name, Type: t})
			}
		}
		typ, err = batch.StructOf(fields)
	} else {
		item, ok := typeFor(n.item, around+1)
		switch {
		case !ok:
			return jsonType
		case n.kind == mapKind:
			typ, err = batch.MapOf(batch.Type{Kind: batch.Varchar}, item)
		default:
			typ, err = batch.ListOf(item)
		}
	}
	if err != nil {
		return jsonType
	}
	return typ
}

// contains reports whether values of a type can be inside of values of n.
func (n *node) contains(of *node, seen map[*node]bool) bool {
	if seen[n] {
		return false
	}
	seen[n] = true
	in := func(part *node) bool { return part != nil && (part == of || part.contains(of, seen)) }
	if in(n.item) || slices.ContainsFunc(n.branches, in) {
		return true
	}
	return slices.ContainsFunc(n.fields, func(f field) bool { return in(f.typ) })
}

// typeForUnion returns what all branches but null fit, a text if they are of
// several families, and JSON if one of several has parts.
func typeForUnion(n *node, around int) (found batch.Type, some bool) {
	for _, b := range n.branches {
		typ, ok := typeFor(b, around)
		if !ok {
			continue
		}
		if some && typ != found {
			typ = widened(found, typ)
		}
		found, some = typ, true
	}
	if !some {
		return batch.Type{}, false
	}
	if _, err := fit(n, found); err != nil {
		found = jsonType
	}
	return found, true
}

// widened returns the type of values of two types.
func widened(a, b batch.Type) batch.Type {
	rank := map[batch.Kind]int{batch.Integer: 1, batch.BigInt: 2, batch.Real: 3, batch.Double: 4}
	switch x, y := rank[a.Kind], rank[b.Kind]; {
	case a.Kind == batch.JSON || b.Kind == batch.JSON || a.Nested != nil || b.Nested != nil:
		return jsonType
	case x > 2 && y > 0, y > 2 && x > 0:
		return batch.Type{Kind: batch.Double}
	case x > 0 && y > 0:
		return batch.Type{Kind: batch.BigInt}
	}
	return batch.Type{Kind: batch.Varchar}
}
