package pgcatalog

import (
	"strings"
	"sync"
)

// regTypes is the types whose values are names outside and OIDs inside, each
// with the stem of the macros regclass_in and regclass_out.
var regTypes = map[string]string{
	"regclass": "regclass", "regtype": "regtype", "regproc": "regproc", "regprocedure": "regproc",
	"regnamespace": "regnamespace", "regrole": "regrole",
}

// typeNames is DuckDB's types for those of Postgres that it doesn't know.
var typeNames = map[string]string{
	"name": "text", "cstring": "text", "aclitem": "text", "inet": "text", "cidr": "text", "pg_lsn": "text", "pg_node_tree": "text",
	"unknown": "text", "xid": "bigint", "cid": "bigint", "xid8": "bigint", "int2vector": "smallint[]", "oidvector": "bigint[]",
	"regconfig": "text", "regdictionary": "text", "regoper": "text", "regoperator": "text", "regcollation": "text",
	"sql_identifier": "text", "character_data": "text", "yes_or_no": "text", "cardinal_number": "integer", "time_stamp": "timestamptz",
	"char": `"char"`,
}

// typeOIDs is the OIDs of types by pg_type's names, for literals: 'int4'::regtype.
var typeOIDs = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, line := range lines("data/types.txt") {
		f := strings.Fields(line)
		all[f[1]] = f[0]
		if array := f[9]; array != "0" {
			all["_"+f[1]], all[f[1]+"[]"] = array, array
		}
	}
	for name, same := range sqlTypeNames {
		all[name] = all[same]
	}
	return all
})

// sqlTypeNames is pg_type's names for those of SQL.
var sqlTypeNames = map[string]string{
	"bool": "bool", "boolean": "bool", "smallint": "int2", "int": "int4", "integer": "int4", "bigint": "int8", "real": "float4",
	"float": "float8", "double": "float8", "decimal": "numeric", "character": "bpchar",
}

// functionOIDs is the OIDs of the functions in pg_proc by name.
var functionOIDs = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, line := range lines("data/functions.txt") {
		f := strings.Fields(line)
		all[f[1]] = f[0]
	}
	return all
})
