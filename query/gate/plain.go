package gate

// plain reports whether a part of the tree has nothing that keeps a row from being
// computed, as far as the tree says that: no condition, join, LIMIT or subquery as a
// value, and no AND or OR. DuckDB evaluates all those in an order of its own, and many rows at
// a time. What it evaluates only where it must are the branches of a CASE.
func plain(v any) bool {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if !plain(item) {
				return false
			}
		}
	case map[string]any:
		n := node(v)
		for _, key := range []string{"where_clause", "having", "qualify", "filter", "sample"} {
			if !empty(n[key]) {
				return false
			}
		}
		switch n.str("class") {
		case "CONJUNCTION", "SUBQUERY":
			return false
		}
		switch n.str("type") {
		case "JOIN", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER":
			return false
		}
		for _, item := range v {
			if !plain(item) {
				return false
			}
		}
	}
	return true
}
