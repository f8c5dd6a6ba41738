package decode

import "github.com/millstream-db/millstream/engine/batch"

// exactBits are how many bits a whole number may have that any DOUBLE can be.
const exactBits = 53

// Wider returns a type that has all values of a column's type, exactly, and those of
// another one, or the column's type if there is none such that is known.
func Wider(column, other batch.Type) batch.Type {
	has, wants := column.Kind.WholeBits(), other.Kind.WholeBits()
	floats := other.Kind == batch.Real || other.Kind == batch.Double
	switch {
	case has > 0 && wants > 0:
		return batch.Type{Kind: widerInteger(column.Kind, other.Kind)}
	case floats && has > 0 && has <= exactBits, other.Kind == batch.Double && column.Kind == batch.Real:
		return batch.Type{Kind: batch.Double}
	case column.Kind == batch.Decimal && other.Kind == batch.Decimal:
		scale := max(column.Scale, other.Scale)
		digits := max(column.Precision-column.Scale, other.Precision-other.Scale) + scale
		if digits <= decimalDigits {
			return batch.Type{Kind: batch.Decimal, Precision: digits, Scale: scale}
		}
	}
	return column
}

// decimalDigits is how many digits a DECIMAL has at most.
const decimalDigits = 38

// widerInteger returns the narrowest of the types, or a signed one, that has the numbers of
// both.
func widerInteger(column, other batch.Kind) batch.Kind {
	switch {
	case other.WholeBits() <= column.WholeBits() && (column.Signed() || !other.Signed()):
		return column
	case column.WholeBits() <= other.WholeBits() && (other.Signed() || !column.Signed()):
		return other
	}
	for _, k := range []batch.Kind{batch.SmallInt, batch.Integer, batch.BigInt} {
		if k.WholeBits() >= max(column.WholeBits(), other.WholeBits()) {
			return k
		}
	}
	return batch.HugeInt
}
