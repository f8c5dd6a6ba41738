package plan

import (
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// isNested reports whether a type is a list, a struct, a map or the like.
func isNested(typeName string) bool {
	if strings.HasSuffix(typeName, "]") {
		return true
	}
	for _, nested := range []string{"STRUCT(", "MAP(", "UNION("} {
		if strings.HasPrefix(typeName, nested) {
			return true
		}
	}
	return false
}

// comparable reports whether a view can tell values of a type apart: of an INTERVAL
// equal values have several forms, also inside of a nested value.
func comparable(t batch.Type) bool {
	return t.Kind != batch.Interval && !slices.ContainsFunc(t.Children(), func(c batch.Column) bool { return !comparable(c.Type) })
}

// asJSON returns a nested value of which no column can have the type as JSON.
// JSON has no NaN and no infinity; in a list of floats they become null.
func asJSON(sql, typeName string) string {
	switch typeName {
	case "DOUBLE[]", "FLOAT[]":
		sql = "list_transform(" + sql + ", lambda x: CASE WHEN isfinite(x) THEN x END)"
	}
	return "to_json(" + sql + ")"
}
