package batch

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// Kind is the family of an SQL type.
type Kind uint8

// The kinds a source column can have. Invalid is the zero value.
const (
	Invalid Kind = iota
	Boolean
	TinyInt
	SmallInt
	Integer
	BigInt
	UTinyInt
	USmallInt
	UInteger
	UBigInt
	HugeInt
	Real
	Double
	Decimal
	Varchar
	Blob
	Date
	Time
	Timestamp
	TimestampTZ
	Interval
	UUID
	JSON
	Struct
	List
	Map
)

// Type is an SQL column type. Precision and Scale are set for Decimal only, Nested
// for Struct, List and Map only, which [StructOf], [ListOf], [MapOf] and
// [ParseType] make. Types are comparable with ==.
type Type struct {
	Kind      Kind
	Precision uint8 // decimal digits, 1..38
	Scale     uint8 // digits after the point, 0..Precision

	Nested *Nested `json:",omitempty"`
}

var kindNames = [...]string{
	Invalid: "INVALID", Boolean: "BOOLEAN", TinyInt: "TINYINT", SmallInt: "SMALLINT", Integer: "INTEGER",
	BigInt: "BIGINT", UTinyInt: "UTINYINT", USmallInt: "USMALLINT", UInteger: "UINTEGER", UBigInt: "UBIGINT",
	HugeInt: "HUGEINT", Real: "FLOAT", Double: "DOUBLE", Decimal: "DECIMAL", Varchar: "VARCHAR", Blob: "BLOB",
	Date: "DATE", Time: "TIME", Timestamp: "TIMESTAMP", TimestampTZ: "TIMESTAMP WITH TIME ZONE",
	Interval: "INTERVAL", UUID: "UUID", JSON: "JSON",
}

var wholeBits = [...]int{
	TinyInt: 7, SmallInt: 15, Integer: 31, BigInt: 63, UTinyInt: 8, USmallInt: 16, UInteger: 32, UBigInt: 64,
	HugeInt: 127, Map: 0,
}

// WholeBits returns how many bits the numbers of an integer kind have besides their
// sign, 0 for other kinds.
func (k Kind) WholeBits() int { return wholeBits[k] }

// Signed reports whether an integer kind has numbers below 0.
func (k Kind) Signed() bool { return k <= BigInt || k == HugeInt }

// String returns DuckDB's spelling of the type, which ParseType accepts.
func (t Type) String() string {
	switch {
	case t.Kind == Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case t.Nested != nil:
		return t.nestedString()
	}
	return kindNames[t.Kind]
}

// typeAliases maps upper-case names, Postgres's and DuckDB's, to kinds.
var typeAliases = map[string]Kind{
	"BOOL": Boolean, "LOGICAL": Boolean,
	"INT1": TinyInt, "INT2": SmallInt, "SHORT": SmallInt, "INT": Integer, "INT4": Integer, "SIGNED": Integer,
	"INT8": BigInt, "LONG": BigInt, "INT128": HugeInt,
	"UINT8": UTinyInt, "UINT16": USmallInt, "UINT32": UInteger, "UINT64": UBigInt,
	"REAL": Real, "FLOAT4": Real, "FLOAT8": Double, "DOUBLE PRECISION": Double,
	"NUMERIC": Decimal, "DEC": Decimal,
	"TEXT": Varchar, "STRING": Varchar, "CHAR": Varchar, "BPCHAR": Varchar, "CHARACTER VARYING": Varchar, "CHARACTER": Varchar,
	"BYTEA": Blob, "BINARY": Blob, "VARBINARY": Blob,
	"TIME WITHOUT TIME ZONE": Time, "DATETIME": Timestamp, "TIMESTAMP WITHOUT TIME ZONE": Timestamp,
	"TIMESTAMPTZ": TimestampTZ, "JSONB": JSON,
}

func init() {
	for k, name := range kindNames {
		if Kind(k) != Invalid && name != "" { // nested types have no name of one word
			typeAliases[name] = Kind(k)
		}
	}
}

// parseScalar reads the name of a type that is not nested.
func parseScalar(name string) (Type, error) {
	s := strings.ToUpper(strings.Join(strings.Fields(name), " "))
	base, args := s, ""
	if open := strings.IndexByte(s, '('); open >= 0 && strings.HasSuffix(s, ")") {
		base, args = strings.TrimSpace(s[:open]), s[open+1:len(s)-1]
	}
	kind, ok := typeAliases[base]
	if !ok {
		return Type{}, fmt.Errorf("type %q does not exist", name)
	}
	if kind != Decimal {
		if args != "" && kind != Varchar {
			return Type{}, fmt.Errorf("type %s takes no parameters", base)
		}
		return Type{Kind: kind}, nil
	}
	return parseDecimal(args)
}

func parseDecimal(args string) (Type, error) {
	t := Type{Kind: Decimal, Precision: 18, Scale: 3} // DuckDB's default
	if args == "" {
		return t, nil
	}
	p, s, hasScale := strings.Cut(args, ",")
	precision, err := strconv.Atoi(strings.TrimSpace(p))
	if err != nil || precision < 1 || precision > 38 {
		return Type{}, fmt.Errorf("DECIMAL precision %s must be between 1 and 38", p)
	}
	scale := 0
	if hasScale {
		if scale, err = strconv.Atoi(strings.TrimSpace(s)); err != nil || scale < 0 || scale > precision {
			return Type{}, fmt.Errorf("DECIMAL scale %s must be between 0 and the precision %d", s, precision)
		}
	}
	t.Precision, t.Scale = uint8(precision), uint8(scale)
	return t, nil
}

// Physical is the layout of a column's values in memory.
type Physical uint8

// The layouts. All are little endian; Bits is Arrow's bit-packed boolean.
const (
	Bits Physical = iota
	Int8
	Int16
	Int32
	Int64
	Int128 // low word first, two's complement
	Float32
	Float64
	Bytes        // int32 offsets and a data buffer
	MonthDayNano // int32 months, int32 days, int64 nanoseconds
	Fixed16      // 16 bytes, big endian: a UUID
	Fields       // a column for each field
	Elements     // int32 offsets into a column of elements
)

// Physical returns the layout in which batches hold values of t.
// A decimal of up to 18 digits is an Int64, a wider one an Int128, both
// unscaled; dates are days, times, timestamps microseconds since 1970-01-01 UTC.
func (t Type) Physical() Physical {
	switch t.Kind {
	case Boolean:
		return Bits
	case TinyInt, UTinyInt:
		return Int8
	case SmallInt, USmallInt:
		return Int16
	case Integer, UInteger, Date:
		return Int32
	case BigInt, UBigInt, Time, Timestamp, TimestampTZ:
		return Int64
	case HugeInt:
		return Int128
	case Decimal:
		if t.Precision <= 18 {
			return Int64
		}
		return Int128
	case Real:
		return Float32
	case Double:
		return Float64
	case Interval:
		return MonthDayNano
	case UUID:
		return Fixed16
	case Struct:
		return Fields
	case List, Map:
		return Elements
	default:
		return Bytes
	}
}

// Width returns the bytes a value takes, or 0 for Bits, Bytes, Fields and Elements.
func (p Physical) Width() int {
	switch p {
	case Int8:
		return 1
	case Int16:
		return 2
	case Int32, Float32:
		return 4
	case Int64, Float64:
		return 8
	case Int128, MonthDayNano, Fixed16:
		return 16
	default:
		return 0
	}
}

// Arrow returns the Arrow type in which batches hold values of t.
func (t Type) Arrow() arrow.DataType {
	switch t.Kind {
	case Boolean:
		return arrow.FixedWidthTypes.Boolean
	case TinyInt:
		return arrow.PrimitiveTypes.Int8
	case SmallInt:
		return arrow.PrimitiveTypes.Int16
	case Integer:
		return arrow.PrimitiveTypes.Int32
	case BigInt:
		return arrow.PrimitiveTypes.Int64
	case UTinyInt:
		return arrow.PrimitiveTypes.Uint8
	case USmallInt:
		return arrow.PrimitiveTypes.Uint16
	case UInteger:
		return arrow.PrimitiveTypes.Uint32
	case UBigInt:
		return arrow.PrimitiveTypes.Uint64
	case HugeInt:
		return &arrow.Decimal128Type{Precision: 38}
	case Real:
		return arrow.PrimitiveTypes.Float32
	case Double:
		return arrow.PrimitiveTypes.Float64
	case Decimal:
		if t.Precision <= 18 {
			return &arrow.Decimal64Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}
		}
		return &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}
	case Blob:
		return arrow.BinaryTypes.Binary
	case Date:
		return arrow.FixedWidthTypes.Date32
	case Time:
		return arrow.FixedWidthTypes.Time64us
	case Timestamp:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case TimestampTZ:
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case Interval:
		return arrow.FixedWidthTypes.MonthDayNanoInterval
	case UUID:
		return &arrow.FixedSizeBinaryType{ByteWidth: 16}
	case Struct, List, Map:
		return t.nestedArrow()
	default:
		return arrow.BinaryTypes.String
	}
}
