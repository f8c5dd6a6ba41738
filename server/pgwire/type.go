package pgwire

import (
	"slices"
	"strconv"
	"strings"
)

// kind says how a column's values are written, whatever Arrow array holds them.
type kind uint8

const (
	kindText kind = iota
	kindBool
	kindInt2
	kindInt4
	kindInt8
	kindUint4 // oid and its relatives
	kindFloat4
	kindFloat8
	kindNumeric
	kindJSON
	kindBytea
	kindDate
	kindTime
	kindTimeTZ
	kindTimestamp
	kindTimestampTZ
	kindInterval
	kindUUID
	kindVarbit
	kindChar   // "char"
	kindArray  // a PostgreSQL array of a scalar type
	kindVector // int2vector and oidvector
	kindRecord // a STRUCT whose fields have no names, as row(1, 2) has
)

// wireType is a DuckDB type as the wire sees it.
type wireType struct {
	kind     kind
	oid      uint32
	arrayOID uint32 // 0: arrays of the type travel as JSON
	size     int16  // -1: variable
	typmod   int32
	unsigned bool // a 128-bit integer without a sign

	element *wireType   // the element of a list, and of nested lists that travel as JSON
	fields  []wireField // the fields of a STRUCT or UNION, or the key and value of a MAP
}

type wireField struct {
	name string
	typ  *wireType
}

// maxTypeDepth bounds the nesting of types that is followed. What lies deeper
// is sent as text.
const maxTypeDepth = 64

var textType = scalar(kindText, oidText, oidTextArray, -1)

func scalar(k kind, oid, arrayOID uint32, size int16) *wireType {
	return &wireType{kind: k, oid: oid, arrayOID: arrayOID, size: size, typmod: -1}
}

// scalarTypes maps DuckDB's type names, and the names that the columns of
// pg_catalog have, to what goes over the wire.
var scalarTypes = map[string]*wireType{
	"BOOLEAN":   scalar(kindBool, oidBool, oidBoolArray, 1),
	"TINYINT":   scalar(kindInt2, oidInt2, oidInt2Array, 2),
	"UTINYINT":  scalar(kindInt2, oidInt2, oidInt2Array, 2),
	"SMALLINT":  scalar(kindInt2, oidInt2, oidInt2Array, 2),
	"USMALLINT": scalar(kindInt4, oidInt4, oidInt4Array, 4),
	"INTEGER":   scalar(kindInt4, oidInt4, oidInt4Array, 4),
	"UINTEGER":  scalar(kindInt8, oidInt8, oidInt8Array, 8),
	"BIGINT":    scalar(kindInt8, oidInt8, oidInt8Array, 8),
	"UBIGINT":   scalar(kindNumeric, oidNumeric, oidNumericArray, -1),
	"HUGEINT":   scalar(kindNumeric, oidNumeric, oidNumericArray, -1),
	"UHUGEINT":  {kind: kindNumeric, oid: oidNumeric, arrayOID: oidNumericArray, size: -1, typmod: -1, unsigned: true},
	"BIGNUM":    scalar(kindNumeric, oidNumeric, oidNumericArray, -1),
	"VARINT":    scalar(kindNumeric, oidNumeric, oidNumericArray, -1),
	"DECIMAL":   scalar(kindNumeric, oidNumeric, oidNumericArray, -1),
	"FLOAT":     scalar(kindFloat4, oidFloat4, oidFloat4Array, 4),
	"DOUBLE":    scalar(kindFloat8, oidFloat8, oidFloat8Array, 8),
	"VARCHAR":   textType,
	"JSON":      scalar(kindJSON, oidJSON, oidJSONArray, -1),
	"BLOB":      scalar(kindBytea, oidBytea, oidByteaArray, -1),
	"DATE":      scalar(kindDate, oidDate, oidDateArray, 4),
	"TIME":      scalar(kindTime, oidTime, oidTimeArray, 8),
	"TIME_NS":   scalar(kindTime, oidTime, oidTimeArray, 8),

	"TIME WITH TIME ZONE":      scalar(kindTimeTZ, oidTimeTZ, oidTimeTZArray, 12),
	"TIMESTAMP":                scalar(kindTimestamp, oidTimestamp, oidTimestampArray, 8),
	"TIMESTAMP_S":              scalar(kindTimestamp, oidTimestamp, oidTimestampArray, 8),
	"TIMESTAMP_MS":             scalar(kindTimestamp, oidTimestamp, oidTimestampArray, 8),
	"TIMESTAMP_NS":             scalar(kindTimestamp, oidTimestamp, oidTimestampArray, 8),
	"TIMESTAMP WITH TIME ZONE": scalar(kindTimestampTZ, oidTimestampTZ, oidTimestampTZArray, 8),
	"TIMESTAMPTZ":              scalar(kindTimestampTZ, oidTimestampTZ, oidTimestampTZArray, 8),
	"INTERVAL":                 scalar(kindInterval, oidInterval, oidIntervalArray, 16),
	"UUID":                     scalar(kindUUID, oidUUID, oidUUIDArray, 16),
	"BIT":                      scalar(kindVarbit, oidVarbit, oidVarbitArray, -1),
	"GEOMETRY":                 scalar(kindBytea, oidBytea, oidByteaArray, -1),

	// Types that only pg_catalog's columns have, by the names that package
	// pgcatalog gives them.
	"PG_NAME":       scalar(kindText, oidName, oidNameArray, 64),
	"PG_CHAR":       scalar(kindChar, oidChar, oidCharArray, 1),
	"PG_OID":        scalar(kindUint4, oidOID, oidOIDArray, 4),
	"PG_XID":        scalar(kindUint4, oidXID, oidXIDArray, 4),
	"PG_REGPROC":    scalar(kindUint4, oidRegproc, oidRegprocArray, 4),
	"PG_VARCHAR":    scalar(kindText, oidVarchar, oidVarcharArray, -1),
	"PG_REGTYPE":    scalar(kindUint4, oidRegtype, oidRegtypeArray, 4),
	"PG_ACLITEM":    scalar(kindText, oidACLItem, oidACLItemArray, 12),
	"PG_NODE_TREE":  scalar(kindText, oidPgNodeTree, 0, -1),
	"PG_INT2VECTOR": {kind: kindVector, oid: oidInt2Vector, size: -1, typmod: -1, element: scalar(kindInt2, oidInt2, 0, 2)},
	"PG_OIDVECTOR":  {kind: kindVector, oid: oidOIDVector, size: -1, typmod: -1, element: scalar(kindUint4, oidOID, 0, 4)},
}

// parseType returns the wire's view of a type in DuckDB's spelling. A name it
// doesn't know, such as that of an ENUM, is text.
func parseType(name string) *wireType { return parseTypeAt(name, 0) }

func parseTypeAt(name string, depth int) *wireType {
	name = strings.TrimSpace(name)
	if t, ok := scalarTypes[name]; ok {
		return t
	}
	if depth > maxTypeDepth {
		return textType
	}
	if element, ok := cutArray(name); ok {
		return arrayOf(parseTypeAt(element, depth+1))
	}
	base, args := name, ""
	if open := strings.IndexByte(name, '('); open > 0 && strings.HasSuffix(name, ")") {
		base, args = strings.TrimSpace(name[:open]), name[open+1:len(name)-1]
	}
	base = strings.ToUpper(strings.Trim(base, `"`))
	switch base {
	case "STRUCT", "UNION":
		fields := parseFields(args, depth)
		if base == "STRUCT" && unnamedFields(fields) != nil {
			return &wireType{kind: kindRecord, oid: oidRecord, size: -1, typmod: -1, fields: fields}
		}
		return jsonOf(nil, fields)
	case "MAP":
		var fields []wireField
		for _, part := range splitArguments(args) {
			fields = append(fields, wireField{typ: parseTypeAt(part, depth+1)})
		}
		return jsonOf(nil, fields)
	case "DECIMAL", "NUMERIC":
		return decimalType(args)
	}
	if t, ok := scalarTypes[base]; ok {
		return t
	}
	return textType
}

// cutArray returns the element of T[] and T[3].
func cutArray(name string) (string, bool) {
	if !strings.HasSuffix(name, "]") {
		return "", false
	}
	open := strings.LastIndexByte(name, '[')
	if open <= 0 || strings.Trim(name[open+1:len(name)-1], "0123456789") != "" {
		return "", false
	}
	return name[:open], true
}

// arrayOf returns the type of lists of t. Lists of lists are JSON: they may be
// ragged, and PostgreSQL's arrays may not.
func arrayOf(t *wireType) *wireType {
	if t.arrayOID == 0 || t.fields != nil || t.element != nil {
		return jsonOf(t, nil)
	}
	return &wireType{kind: kindArray, oid: t.arrayOID, size: -1, typmod: t.typmod, element: t}
}

func jsonOf(element *wireType, fields []wireField) *wireType {
	return &wireType{kind: kindJSON, oid: oidJSON, size: -1, typmod: -1, element: element, fields: fields}
}

func decimalType(args string) *wireType {
	p, s, _ := strings.Cut(args, ",")
	precision, err := strconv.ParseUint(strings.TrimSpace(p), 10, 15)
	if err != nil {
		return scalarTypes["DECIMAL"]
	}
	scale, _ := strconv.ParseUint(strings.TrimSpace(s), 10, 11)
	t := *scalarTypes["DECIMAL"]
	t.typmod = int32(precision<<16|scale) + 4
	return &t
}

// unnamedFields returns the fields of a STRUCT if none of them has a name, else nil.
func unnamedFields(fields []wireField) []wireField {
	if slices.ContainsFunc(fields, func(f wireField) bool { return f.name != "" }) {
		return nil
	}
	return fields
}

// parseFields reads the `a INTEGER, "b c" VARCHAR` of a STRUCT or UNION.
func parseFields(args string, depth int) []wireField {
	var fields []wireField
	for _, part := range splitArguments(args) {
		part = strings.TrimSpace(part)
		name, typ := part, ""
		if strings.HasPrefix(part, `"`) {
			end := 1
			for end < len(part) {
				if part[end] != '"' {
					end++
				} else if end+1 < len(part) && part[end+1] == '"' {
					end += 2
				} else {
					break
				}
			}
			name, typ = strings.ReplaceAll(part[1:end], `""`, `"`), part[min(end+1, len(part)):]
		} else if space := strings.IndexByte(part, ' '); space > 0 {
			name, typ = part[:space], part[space+1:]
		}
		fields = append(fields, wireField{name: name, typ: parseTypeAt(typ, depth+1)})
	}
	return fields
}

// splitArguments cuts s at the commas outside parentheses and quotes.
func splitArguments(s string) []string {
	var parts []string
	var quote byte
	start, depth := 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	if strings.TrimSpace(s[start:]) != "" || len(parts) > 0 {
		parts = append(parts, s[start:])
	}
	return parts
}
