package assign

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// Assignable reports whether a column takes a value of DuckDB's type from by
// itself. The rules are PostgreSQL's assignment casts: numbers go into numbers,
// times into times, everything into text; text goes nowhere else, because only
// a literal, which has no type yet, may turn out to be a number or a time.
func Assignable(from string, to batch.Type) bool {
	switch {
	case from == to.String(), from == `"NULL"`, from == "":
		return true
	case to.Kind == batch.Varchar:
		return true
	case to.Kind == batch.JSON:
		return nested(from)
	case to.Nested != nil:
		return sameShape(from, to.Kind)
	case numeric(from):
		return numeric(to.String())
	case temporal(from):
		return temporal(to.String()) || to.Kind == batch.Time && from != "DATE"
	}
	return to.Kind == batch.Time && from == "TIME WITH TIME ZONE"
}

func numeric(t string) bool {
	return strings.HasPrefix(t, "DECIMAL(") || slices.Contains([]string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
		"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "BIGNUM"}, t)
}

func temporal(t string) bool { return t == "DATE" || strings.HasPrefix(t, "TIMESTAMP") }

func nested(t string) bool {
	return strings.HasSuffix(t, "]") || strings.HasPrefix(t, "STRUCT(") || strings.HasPrefix(t, "MAP(")
}

// sameShape reports whether a type is a struct, a list or a map as well: what is
// inside is for the cast to say.
func sameShape(from string, to batch.Kind) bool {
	switch to {
	case batch.List:
		return strings.HasSuffix(from, "]")
	case batch.Map:
		return strings.HasPrefix(from, "MAP(") && !strings.HasSuffix(from, "]")
	}
	return strings.HasPrefix(from, "STRUCT(") && !strings.HasSuffix(from, "]")
}

// isArray reports whether PostgreSQL has arrays for values of a type: lists of
// scalars.
func isArray(t batch.Type) bool { return t.Kind == batch.List && t.Element().Nested == nil }

// TextAs is the value of a type of a text, given as SQL. An array may be written as
// in PostgreSQL, with braces around it: within them, it is as DuckDB writes it.
func TextAs(sql string, t batch.Type) string {
	cast := "CAST(" + sql + " AS " + t.String() + ")"
	if !isArray(t) {
		return cast
	}
	return fmt.Sprintf("CASE WHEN starts_with(%[1]s, '{') THEN CAST('[' || %[1]s[2:-2] || ']' AS %[2]s) ELSE %[3]s END", sql, t, cast)
}
