package plan

import (
	"context"
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// stage collects the expressions of stage one. An expression that is used
// twice is computed once.
type stage struct {
	binding
	source     *Source
	start, end ast.Node // what window_start and window_end are below the aggregation, nil if nothing
	window     string   // the function whose columns they are
	exprs      []view.Expr
	index      map[string]int // by key
}

// scalar returns n with the columns of its window replaced by their computation.
func (s *stage) scalar(n ast.Node) (ast.Node, error) {
	if n.Class() != ast.ClassWindow {
		return ast.MapChildren(n, s.scalar)
	}
	boundary := s.start
	if n.Kind() == ast.WindowEnd {
		boundary = s.end
	}
	if boundary == nil {
		return nil, fail(codeUnsupported, n.Location(), "%s of %s is not known before the aggregation: a row can be in several windows, or change one", n.Kind(), s.window).
			hint("use it in the SELECT list or in HAVING, outside of aggregate functions")
	}
	return boundary.In(n), nil
}

// columnIndex returns the source's column that n is, or -1.
func (s *stage) columnIndex(n ast.Node) int {
	names := n.Strings("column_names")
	if n.Class() != "COLUMN_REF" || len(names) != 1 {
		return -1
	}
	return s.source.index(names[0])
}

// typeOf returns the DuckDB name of n's type; n may contain columns of a window.
func (s *stage) typeOf(ctx context.Context, n ast.Node) (string, error) {
	if i := s.columnIndex(n); i >= 0 {
		return s.source.Columns[i].Type.String(), nil
	}
	n, err := s.scalar(n)
	if err != nil {
		return "", err
	}
	_, typeName, err := s.binding.typeOf(ctx, n)
	return typeName, err
}

// add makes n an expression of stage one and returns its index. A nested value is
// packed as a state keeps it.
func (s *stage) add(ctx context.Context, n ast.Node) (int, error) {
	return s.addAs(ctx, n, view.Packed)
}

// addKey is add for a value that is compared with others.
func (s *stage) addKey(ctx context.Context, n ast.Node) (int, error) {
	return s.addAs(ctx, n, view.PackedKey)
}

// addRow is add for a value that no state keeps.
func (s *stage) addRow(ctx context.Context, n ast.Node) (int, error) {
	return s.addAs(ctx, n, view.Unpacked)
}

// packedMarks tell the forms of a nested value apart from it as it is.
var packedMarks = map[view.Packing]string{view.Packed: "packed ", view.PackedKey: "packed key "}

func (s *stage) addAs(ctx context.Context, n ast.Node, packing view.Packing) (int, error) {
	n, err := s.scalar(n)
	if err != nil {
		return 0, err
	}
	key := n.Key()
	if i, ok := s.index[key]; ok && (packing == view.Unpacked || s.exprs[i].Type.Nested == nil) {
		return i, nil
	}
	if i, ok := s.index[packedMarks[packing]+key]; ok {
		return i, nil
	}
	e := view.Expr{Column: s.columnIndex(n)}
	if e.Column >= 0 {
		c := s.source.Columns[e.Column]
		e.SQL, e.Type = quote(c.Name), c.Type
	} else {
		sql, typeName, err := s.binding.typeOf(ctx, n)
		if err != nil {
			return 0, err
		}
		t, ok := holdable(typeName)
		if !ok {
			return 0, typeError(n, "this expression", typeName)
		}
		e.SQL, e.Type = sql, t
	}
	if e.Type.Nested != nil && packing != view.Unpacked {
		e.Packing, key = packing, packedMarks[packing]+key
	}
	return s.append(key, e), nil
}

func (s *stage) append(key string, e view.Expr) int {
	s.exprs = append(s.exprs, e)
	s.index[key] = len(s.exprs) - 1
	return len(s.exprs) - 1
}

// conditionMark tells a condition from the same expression as a value: what
// can be compared without SQL is never computed.
const conditionMark = "condition "

// addCondition makes n, cast to BOOLEAN if it is none, an expression that is
// only asked whether it is true.
func (s *stage) addCondition(ctx context.Context, n ast.Node) (int, error) {
	typeName, err := s.typeOf(ctx, n)
	if err != nil {
		return 0, err
	}
	if typeName != "BOOLEAN" {
		n = ast.NewCast(n, "BOOLEAN").In(n)
	}
	list := conjuncts(n, s.source)
	if list == nil {
		return s.add(ctx, n)
	}
	key := conditionMark + n.Key()
	if i, ok := s.index[key]; ok {
		return i, nil
	}
	e := view.Expr{Type: batch.Type{Kind: batch.Boolean}, Column: s.columnIndex(n), Conjuncts: list}
	if e.Column >= 0 {
		e.SQL = quote(s.source.Columns[e.Column].Name)
	} else if e.SQL, err = deparseExpr(ctx, s.b, n); err != nil {
		return 0, err
	}
	return s.append(key, e), nil
}

// typeError says that an expression's type cannot be kept.
func typeError(n ast.Node, what, typeName string) error {
	e := fail(codeUnsupported, n.Location(), "%s has the type %s, which a materialized view cannot keep", what, typeName)
	if isNested(typeName) {
		return e.hint("take a field or an element of it, or keep it as JSON: to_json(…)")
	}
	return e.hint("cast it, for example to VARCHAR")
}

// noAggregates refuses an aggregate in a clause that is computed row by row.
func noAggregates(n ast.Node, where string) error {
	if a := ast.Find(n, isAggregate); a != nil {
		e := fail(codeGrouping, a.Location(), "aggregate functions are not allowed in %s", where)
		if where == "WHERE" {
			return e.hint("write the condition in HAVING, or as FILTER (WHERE …) behind the aggregate")
		}
		return e
	}
	return nil
}

func columnName(prefix string, i int) string { return fmt.Sprintf("%s%d", prefix, i) }
