package decode

import "github.com/millstream-db/millstream/engine/batch"

// wholeBits are how many bits the numbers of a type have besides their sign.
var wholeBits = map[batch.Kind]int{
	batch.TinyInt: 7, batch.SmallInt: 15, batch.Integer: 31, batch.BigInt: 63, batch.HugeInt: 127,
	batch.UTinyInt: 8, batch.USmallInt: 16, batch.UInteger: 32, batch.UBigInt: 64,
}

// exactBits are how many bits a whole number may have that any DOUBLE can be.
const exactBits = 53

// Wider returns a type that has all values of a column's type, exactly, and those of
// another one, or the column's type if there is none such that is known.
func Wider(column, other batch.Type) batch.Type {
	has, wants := wholeBits[column.Kind], wholeBits[other.Kind]
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

func signed(k batch.Kind) bool { return k <= batch.BigInt || k == batch.HugeInt }

// widerInteger returns the narrowest of the types, or a signed one, that has the numbers of
// both.
func widerInteger(column, other batch.Kind) batch.Kind {
	switch {
	case wholeBits[other] <= wholeBits[column] && (signed(column) || !signed(other)):
		return column
	case wholeBits[column] <= wholeBits[other] && (signed(other) || !signed(column)):
		return other
	}
	for _, k := range []batch.Kind{batch.SmallInt, batch.Integer, batch.BigInt} {
		if wholeBits[k] >= max(wholeBits[column], wholeBits[other]) {
			return k
		}
	}
	return batch.HugeInt
}
