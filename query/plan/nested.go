package plan

import "strings"

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

// asJSON returns a nested value as JSON: a view's column has no nested type.
// JSON has no NaN and no infinity; in a list of floats they become null.
func asJSON(sql, typeName string) string {
	switch typeName {
	case "DOUBLE[]", "FLOAT[]":
		sql = "list_transform(" + sql + ", lambda x: CASE WHEN isfinite(x) THEN x END)"
	}
	return "to_json(" + sql + ")"
}
