package pgwire

// OIDs of PostgreSQL's types, from its pg_type.dat.
const (
	oidBool        = 16
	oidBytea       = 17
	oidChar        = 18 // "char", one byte
	oidName        = 19
	oidInt8        = 20
	oidInt2        = 21
	oidInt2Vector  = 22
	oidInt4        = 23
	oidRegproc     = 24
	oidText        = 25
	oidOID         = 26
	oidXID         = 28
	oidOIDVector   = 30
	oidJSON        = 114
	oidPgNodeTree  = 194
	oidFloat4      = 700
	oidFloat8      = 701
	oidUnknown     = 705
	oidBpchar      = 1042
	oidVarchar     = 1043
	oidDate        = 1082
	oidTime        = 1083
	oidTimestamp   = 1114
	oidTimestampTZ = 1184
	oidInterval    = 1186
	oidTimeTZ      = 1266
	oidVarbit      = 1562
	oidNumeric     = 1700
	oidACLItem     = 1033
	oidRegclass    = 2205
	oidRegtype     = 2206
	oidRecord      = 2249
	oidUUID        = 2950
	oidJSONB       = 3802

	oidBoolArray        = 1000
	oidByteaArray       = 1001
	oidCharArray        = 1002
	oidNameArray        = 1003
	oidInt2Array        = 1005
	oidInt4Array        = 1007
	oidRegprocArray     = 1008
	oidTextArray        = 1009
	oidXIDArray         = 1011
	oidBpcharArray      = 1014
	oidVarcharArray     = 1015
	oidInt8Array        = 1016
	oidFloat4Array      = 1021
	oidFloat8Array      = 1022
	oidOIDArray         = 1028
	oidTimestampArray   = 1115
	oidDateArray        = 1182
	oidTimeArray        = 1183
	oidTimestampTZArray = 1185
	oidIntervalArray    = 1187
	oidNumericArray     = 1231
	oidTimeTZArray      = 1270
	oidVarbitArray      = 1563
	oidJSONArray        = 199
	oidACLItemArray     = 1034
	oidRegtypeArray     = 2211
	oidUUIDArray        = 2951
	oidJSONBArray       = 3807
)

// parameterTypes maps the OIDs that a client may give a parameter to DuckDB's
// types. NUMERIC is absent on purpose: DuckDB's DECIMAL without a precision has
// three digits after the point, so the type is better left to the planner.
var parameterTypes = map[uint32]string{
	oidBool:        "BOOLEAN",
	oidBytea:       "BLOB",
	oidChar:        "VARCHAR",
	oidName:        "VARCHAR",
	oidInt8:        "BIGINT",
	oidInt2:        "SMALLINT",
	oidInt4:        "INTEGER",
	oidText:        "VARCHAR",
	oidOID:         "BIGINT",
	oidJSON:        "JSON",
	oidJSONB:       "JSON",
	oidFloat4:      "FLOAT",
	oidFloat8:      "DOUBLE",
	oidBpchar:      "VARCHAR",
	oidVarchar:     "VARCHAR",
	oidDate:        "DATE",
	oidTime:        "TIME",
	oidTimeTZ:      "TIME WITH TIME ZONE",
	oidTimestamp:   "TIMESTAMP",
	oidTimestampTZ: "TIMESTAMP WITH TIME ZONE",
	oidInterval:    "INTERVAL",
	oidUUID:        "UUID",
}

// elementOIDs maps the array types that parameters may have to their elements'.
var elementOIDs = map[uint32]uint32{
	oidBoolArray:        oidBool,
	oidByteaArray:       oidBytea,
	oidCharArray:        oidChar,
	oidNameArray:        oidName,
	oidInt2Array:        oidInt2,
	oidInt4Array:        oidInt4,
	oidTextArray:        oidText,
	oidBpcharArray:      oidBpchar,
	oidVarcharArray:     oidVarchar,
	oidInt8Array:        oidInt8,
	oidFloat4Array:      oidFloat4,
	oidFloat8Array:      oidFloat8,
	oidOIDArray:         oidOID,
	oidTimestampArray:   oidTimestamp,
	oidDateArray:        oidDate,
	oidTimeArray:        oidTime,
	oidTimestampTZArray: oidTimestampTZ,
	oidIntervalArray:    oidInterval,
	oidNumericArray:     oidNumeric,
	oidTimeTZArray:      oidTimeTZ,
	oidJSONArray:        oidJSON,
	oidJSONBArray:       oidJSONB,
	oidUUIDArray:        oidUUID,
}

// parameterType returns DuckDB's name of the type that a client gave a
// parameter, or "" when it gave none or one that has no counterpart.
func parameterType(oid uint32) string {
	if name, ok := parameterTypes[oid]; ok {
		return name
	}
	if element, ok := parameterTypes[elementOIDs[oid]]; ok {
		return element + "[]"
	}
	return ""
}
