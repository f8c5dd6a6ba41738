package plan

import (
	"strings"

	"github.com/millstream-db/millstream/query/plan/ast"
)

// collated reports whether n, of a type, is text that a COLLATE gives an order and an
// equality of its own. A state compares text by its bytes.
func collated(n ast.Node, typeName string) bool {
	return strings.Contains(typeName, "VARCHAR") && hasCollation(n)
}

func hasCollation(n ast.Node) bool {
	return ast.Find(n, func(n ast.Node) bool { return n.Class() == "COLLATE" }) != nil
}

// refuseCollation is the error of a key, such as "a group key", that is collated.
func refuseCollation(n ast.Node, what string) error {
	return fail(codeUnsupported, n.Location(), "%s with a collation is not supported in a materialized view, which compares text by its bytes", what).
		hint("write lower(…) in place of NOCASE, strip_accents(…) in place of NOACCENT")
}
