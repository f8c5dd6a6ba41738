package duck

import (
	"fmt"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/millstream-db/millstream/engine/batch"
)

var kindTypes = map[batch.Kind]mapping.Type{
	batch.Boolean: mapping.TypeBoolean, batch.TinyInt: mapping.TypeTinyInt, batch.SmallInt: mapping.TypeSmallInt,
	batch.Integer: mapping.TypeInteger, batch.BigInt: mapping.TypeBigInt, batch.UTinyInt: mapping.TypeUTinyInt,
	batch.USmallInt: mapping.TypeUSmallInt, batch.UInteger: mapping.TypeUInteger, batch.UBigInt: mapping.TypeUBigInt,
	batch.HugeInt: mapping.TypeHugeInt, batch.Real: mapping.TypeFloat, batch.Double: mapping.TypeDouble,
	batch.Varchar: mapping.TypeVarchar, batch.JSON: mapping.TypeVarchar, batch.Blob: mapping.TypeBlob,
	batch.Date: mapping.TypeDate, batch.Time: mapping.TypeTime, batch.Timestamp: mapping.TypeTimestamp,
	batch.TimestampTZ: mapping.TypeTimestampTZ, batch.Interval: mapping.TypeInterval, batch.UUID: mapping.TypeUUID,
}

// logicalType returns t in DuckDB's terms; the caller destroys it.
func logicalType(t batch.Type) mapping.LogicalType {
	switch {
	case t.Kind == batch.Decimal:
		return mapping.CreateDecimalType(t.Precision, t.Scale)
	case t.Nested != nil:
		return nestedType(t)
	}
	logical := mapping.CreateLogicalType(kindTypes[t.Kind])
	if t.Kind == batch.JSON {
		mapping.LogicalTypeSetAlias(logical, "JSON")
	}
	return logical
}

// nestedType is logicalType for types that are made of others.
func nestedType(t batch.Type) mapping.LogicalType {
	parts := t.Children()
	if t.Kind == batch.Map {
		parts = t.Element().Children()
	}
	names, types := make([]string, len(parts)), make([]mapping.LogicalType, len(parts))
	for i, part := range parts {
		names[i], types[i] = part.Name, logicalType(part.Type)
	}
	defer func() {
		for i := range types {
			mapping.DestroyLogicalType(&types[i])
		}
	}()
	switch t.Kind {
	case batch.List:
		return mapping.CreateListType(types[0])
	case batch.Map:
		return mapping.CreateMapType(types[0], types[1])
	}
	return mapping.CreateStructType(types, names)
}

var typeNames = map[mapping.Type]string{
	mapping.TypeBoolean: "BOOLEAN", mapping.TypeTinyInt: "TINYINT", mapping.TypeSmallInt: "SMALLINT",
	mapping.TypeInteger: "INTEGER", mapping.TypeBigInt: "BIGINT", mapping.TypeUTinyInt: "UTINYINT",
	mapping.TypeUSmallInt: "USMALLINT", mapping.TypeUInteger: "UINTEGER", mapping.TypeUBigInt: "UBIGINT",
	mapping.TypeHugeInt: "HUGEINT", mapping.TypeUHugeInt: "UHUGEINT", mapping.TypeFloat: "FLOAT",
	mapping.TypeDouble: "DOUBLE", mapping.TypeVarchar: "VARCHAR", mapping.TypeBlob: "BLOB",
	mapping.TypeDate: "DATE", mapping.TypeTime: "TIME", mapping.TypeTimeTZ: "TIME WITH TIME ZONE",
	mapping.TypeTimestamp: "TIMESTAMP", mapping.TypeTimestampS: "TIMESTAMP_S", mapping.TypeTimestampMS: "TIMESTAMP_MS",
	mapping.TypeTimestampNS: "TIMESTAMP_NS", mapping.TypeTimestampTZ: "TIMESTAMP WITH TIME ZONE",
	mapping.TypeInterval: "INTERVAL", mapping.TypeUUID: "UUID", mapping.TypeBit: "BIT", mapping.TypeEnum: "ENUM",
	mapping.TypeSQLNull: "\"NULL\"", mapping.TypeBigNum: "BIGNUM", mapping.TypeUnion: "UNION", mapping.TypeInvalid: "",
}

// typeName returns DuckDB's spelling of a type, or its alias (JSON, oid, …).
// It is empty for a type that is not known yet, such as an untyped parameter's,
// which DuckDB gives as a null pointer.
func typeName(t mapping.LogicalType) string {
	if t.Ptr == nil {
		return ""
	}
	if alias := mapping.LogicalTypeGetAlias(t); alias != "" {
		return alias
	}
	child := takeTypeName
	switch id := mapping.GetTypeId(t); id {
	case mapping.TypeDecimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", mapping.DecimalWidth(t), mapping.DecimalScale(t))
	case mapping.TypeList:
		return child(mapping.ListTypeChildType(t)) + "[]"
	case mapping.TypeArray:
		return fmt.Sprintf("%s[%d]", child(mapping.ArrayTypeChildType(t)), mapping.ArrayTypeArraySize(t))
	case mapping.TypeMap:
		return "MAP(" + child(mapping.MapTypeKeyType(t)) + ", " + child(mapping.MapTypeValueType(t)) + ")"
	case mapping.TypeStruct:
		fields := make([]string, int(mapping.StructTypeChildCount(t)))
		for i := range fields {
			name := strings.ReplaceAll(mapping.StructTypeChildName(t, mapping.IdxT(i)), `"`, `""`)
			fields[i] = `"` + name + `" ` + child(mapping.StructTypeChildType(t, mapping.IdxT(i)))
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")"
	default:
		if name, ok := typeNames[id]; ok {
			return name
		}
		return fmt.Sprintf("TYPE%d", id)
	}
}

// takeTypeName returns a type's name and destroys the type.
func takeTypeName(t mapping.LogicalType) string {
	name := typeName(t)
	if t.Ptr != nil {
		mapping.DestroyLogicalType(&t)
	}
	return name
}
