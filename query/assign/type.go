package assign

import (
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
	case to.Kind == batch.JSON: // which is also what lists and structs are declared as
		return nested(from)
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
