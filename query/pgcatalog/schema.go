package pgcatalog

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/millstream-db/millstream/query/parser"
)

//go:embed sql/*.sql data/*.txt
var files embed.FS

// Names of the shadow catalog's schemas.
const (
	catalogSchema     = "pgc"
	informationSchema = "pgi"
)

// Schema returns the statements, separated by semicolons, that define the
// shadow catalog in the attached catalog live, as one transaction. They are to
// be run once, when live.millstream.views exists, on a connection that may
// create objects there and is in no transaction.
func Schema() string { return schema() }

var schema = sync.OnceValue(func() string {
	parts := []string{
		"BEGIN TRANSACTION;\nCREATE SCHEMA live." + catalogSchema + ";\nCREATE SCHEMA live." + informationSchema + ";\n",
		file("sql/tables.sql"),
		emptyTables(),
		file("sql/lookup.sql"),
		file("sql/functions.sql"),
		file("sql/roles.sql"),
		file("sql/catalog.sql"),
		file("sql/information_schema.sql"),
		file("sql/rows.sql"),
		"COMMIT;\n",
	}
	data := strings.NewReplacer(
		"$relations$", literal("data/relations.txt"),
		"$types$", literal("data/types.txt"),
		"$functions$", literal("data/functions.txt"))
	return data.Replace(strings.Join(parts, "\n"))
})

// file returns an embedded file, which is there or the program wouldn't build.
func file(name string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// lines returns the lines of a data file without its comments.
func lines(name string) []string {
	var out []string
	for _, line := range strings.Split(file(name), "\n") {
		if line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// literal returns a data file as an SQL string.
func literal(name string) string {
	return parser.QuoteLiteral(strings.Join(lines(name), "\n"))
}

// emptyTables returns a CREATE TABLE for each relation that isn't a view here.
func emptyTables() string {
	var sql strings.Builder
	for _, r := range relations() {
		if views()[r.shadow] {
			continue
		}
		fmt.Fprintf(&sql, "CREATE TABLE live.%s (", r.shadow)
		for i, c := range r.columns {
			if i > 0 {
				sql.WriteString(", ")
			}
			sql.WriteString(parser.QuoteIdent(c.name) + " " + columnType(c.pgType))
		}
		sql.WriteString(");\n")
	}
	return sql.String()
}

var viewPattern = regexp.MustCompile(`(?m)^CREATE VIEW live\.(\S+)`)

// views is the relations that the SQL files define, such as pgc.pg_class.
var views = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	for _, name := range []string{"sql/roles.sql", "sql/catalog.sql", "sql/information_schema.sql"} {
		for _, m := range viewPattern.FindAllStringSubmatch(file(name), -1) {
			set[m[1]] = true
		}
	}
	return set
})

// duckdbTypes is the types of catalog columns; what isn't here is VARCHAR.
var duckdbTypes = map[string]string{
	"oid": "BIGINT", "regproc": "BIGINT", "regtype": "BIGINT", "xid": "BIGINT", "int8": "BIGINT", "int4": "INTEGER", "int2": "SMALLINT",
	"bool": "BOOLEAN", "float4": "FLOAT", "float8": "DOUBLE", "numeric": "DECIMAL(38,0)", "timestamptz": "TIMESTAMPTZ",
	"interval": "INTERVAL", "bytea": "BLOB", "int2vector": "SMALLINT[]", "oidvector": "BIGINT[]",
}

// columnType returns DuckDB's type for one of Postgres's.
func columnType(pgType string) string {
	element, list := strings.CutSuffix(pgType, "[]")
	t, ok := duckdbTypes[element]
	if !ok {
		t = "VARCHAR"
	}
	if list {
		t += "[]"
	}
	return t
}

var macroPattern = regexp.MustCompile(`(?m)^CREATE MACRO live\.pgc\."?(\w+)`)

var macros = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	for _, m := range macroPattern.FindAllStringSubmatch(file("sql/functions.sql")+file("sql/roles.sql"), -1) {
		if !strings.HasPrefix(m[1], "ms_") {
			set[m[1]] = true
		}
	}
	return set
})

// Macro reports whether name, in lower case, is a function of the shadow
// catalog. It is safe for concurrent use, as is all of this package.
func Macro(name string) bool { return macros()[name] }
