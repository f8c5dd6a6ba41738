package batch

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
)

// The limits of a nested type: how many types are inside one another, itself
// included, and how many scalar values the fields of one value can have, elements
// counted once.
const (
	NestedDepthMax  = 16
	NestedLeavesMax = 1000
)

// Nested is what a STRUCT, a list or a MAP is made of. There is one for each
// such type, however often it is declared, so that types compare with ==.
type Nested struct {
	// Fields are those of a STRUCT, in order; of a list, its element, without a name;
	// of a MAP, a STRUCT of key and value, without a name.
	Fields []Column
	Depth  int `json:"-"` // types inside one another, this one included
	Leaves int `json:"-"` // scalar values of a value whose lists have one element each
}

// interned has the Nested of every type that was made, by its SQL.
var interned sync.Map // string → *Nested

// StructOf returns STRUCT(fields). The error says which name is there twice, or
// which limit it exceeds.
func StructOf(fields []Column) (Type, error) {
	if len(fields) == 0 {
		return Type{}, fmt.Errorf("a STRUCT needs at least one field")
	}
	seen := make(map[string]bool, len(fields))
	for _, f := range fields {
		lower := strings.ToLower(f.Name)
		if f.Name == "" || strings.IndexByte(f.Name, 0) >= 0 {
			return Type{}, fmt.Errorf("a field of a STRUCT has no name")
		}
		if seen[lower] {
			return Type{}, fmt.Errorf("a STRUCT has field %q twice: names of fields differ in more than letter case", f.Name)
		}
		seen[lower] = true
	}
	return intern(Struct, fields)
}

// ListOf returns the type of lists of elements: element[].
func ListOf(element Type) (Type, error) { return intern(List, []Column{{Type: element}}) }

// MapOf returns MAP(key, value). Keys are values that are equal just when their
// bytes are.
func MapOf(key, value Type) (Type, error) {
	switch key.Kind {
	case Boolean, TinyInt, SmallInt, Integer, BigInt, UTinyInt, USmallInt, UInteger, UBigInt, HugeInt,
		Decimal, Varchar, Date, Time, Timestamp, TimestampTZ, UUID:
	default:
		return Type{}, fmt.Errorf("the keys of a MAP can't be of type %s: use VARCHAR, an integer, a date or a UUID", key)
	}
	entry, err := intern(Struct, []Column{{Name: "key", Type: key}, {Name: "value", Type: value}})
	if err != nil {
		return Type{}, err
	}
	return intern(Map, []Column{{Type: entry}})
}

func intern(kind Kind, fields []Column) (Type, error) {
	n := &Nested{Fields: fields}
	for _, f := range fields {
		depth, leaves := 0, 1
		if f.Type.Nested != nil {
			depth, leaves = f.Type.Nested.Depth, f.Type.Nested.Leaves
		}
		n.Depth, n.Leaves = max(n.Depth, depth), n.Leaves+leaves
	}
	if kind != Map { // whose entries count
		n.Depth++
	}
	t := Type{Kind: kind, Nested: n}
	switch {
	case n.Depth > NestedDepthMax:
		return Type{}, fmt.Errorf("a type is nested deeper than %d levels: declare what is inside as JSON", NestedDepthMax)
	case n.Leaves > NestedLeavesMax:
		return Type{}, fmt.Errorf("a type has more than %d fields: declare what is inside as JSON", NestedLeavesMax)
	}
	known, _ := interned.LoadOrStore(t.String(), n)
	t.Nested = known.(*Nested)
	return t, nil
}

// Children returns what a nested type is made of, nil for other types: see Nested.
func (t Type) Children() []Column {
	if t.Nested == nil {
		return nil
	}
	return t.Nested.Fields
}

// Element returns the type of the elements of a list, and of the entries of a MAP.
func (t Type) Element() Type { return t.Nested.Fields[0].Type }

// nestedString is String for nested types.
func (t Type) nestedString() string {
	switch t.Kind {
	case List:
		return t.Element().String() + "[]"
	case Map:
		entry := t.Element().Nested.Fields
		return "MAP(" + entry[0].Type.String() + ", " + entry[1].Type.String() + ")"
	}
	fields := make([]string, len(t.Nested.Fields))
	for i, f := range t.Nested.Fields {
		fields[i] = `"` + strings.ReplaceAll(f.Name, `"`, `""`) + `" ` + f.Type.String()
	}
	return "STRUCT(" + strings.Join(fields, ", ") + ")"
}

// UnmarshalJSON reads what json.Marshal writes.
func (t *Type) UnmarshalJSON(text []byte) error {
	type plain Type
	var p plain
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	*t = Type(p)
	if p.Nested == nil {
		return nil
	}
	known, err := intern(p.Kind, p.Nested.Fields)
	*t = known
	return err
}

// nestedArrow is Arrow for nested types.
func (t Type) nestedArrow() arrow.DataType {
	switch t.Kind {
	case List:
		return arrow.ListOf(t.Element().Arrow())
	case Map:
		entry := t.Element().Nested.Fields
		return arrow.MapOf(entry[0].Type.Arrow(), entry[1].Type.Arrow())
	}
	fields := make([]arrow.Field, len(t.Nested.Fields))
	for i, f := range t.Nested.Fields {
		fields[i] = arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true}
	}
	return arrow.StructOf(fields...)
}
