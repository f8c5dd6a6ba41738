package ast

import (
	"testing"

	"github.com/millstream-db/millstream/query/plan/interval"
)

const tree = `{"class": "FUNCTION", "type": "FUNCTION", "alias": "a", "function_name": "-", "query_location": 7, "children": [
	{"class": "CAST", "type": "OPERATOR_CAST", "alias": "", "query_location": 9, "cast_type": {"id": "INTERVAL"},
	 "child": {"class": "CONSTANT", "alias": "", "value": {"type": {"id": "VARCHAR"}, "is_null": false, "value": "5 minutes"}}}]}`

func decoded(t *testing.T) Node {
	t.Helper()
	doc, err := Decode([]byte(tree))
	if err != nil {
		t.Fatal(err)
	}
	return Node(doc)
}

func TestPlacesAreNoMeaning(t *testing.T) {
	t.Parallel()
	n, other := decoded(t), WithoutLocations(decoded(t))
	if n.Location() != 7 || other.Location() != -1 {
		t.Errorf("locations %d and %d, want 7 and none", n.Location(), other.Location())
	}
	delete(n, "query_location")
	if n.Location() != 9 {
		t.Errorf("location %d, want that of the operand, 9", n.Location())
	}
	other["alias"] = "b"
	if n.Key() != other.Key() {
		t.Errorf("%s is not %s", n.Key(), other.Key())
	}
	other.List("children")[0]["alias"] = "c"
	if n.Key() == other.Key() {
		t.Error("the alias of an operand does not count")
	}
	if moved := other.In(n); moved.Str("alias") != "a" || other.Str("alias") != "b" {
		t.Errorf("alias %q, and %q of the original", moved.Str("alias"), other.Str("alias"))
	}
}

func TestConstInterval(t *testing.T) {
	t.Parallel()
	want := interval.Interval{Micros: -300_000_000}
	if v, ok := ConstInterval(decoded(t)); !ok || v != want {
		t.Errorf("%+v, %t, want %+v", v, ok, want)
	}
	if v, ok := ConstInterval(NewColumn("a")); ok {
		t.Errorf("a column is %+v", v)
	}
	if n := Find(decoded(t), func(n Node) bool { return n.Class() == "CONSTANT" }); n == nil {
		t.Error("the constant is not found")
	}
}
