package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/millstream-db/millstream/engine/batch"
)

// property is what a schema says of a field, as far as it tells its column.
type property struct {
	Ref        string `json:"$ref"` // where it is said instead
	Types      words  `json:"type"`
	Format     string
	OneOf      []property
	AnyOf      []property
	AllOf      []property
	Properties properties
	Items      part
	Others     part `json:"additionalProperties"`
}

// properties are those of an object, in their order.
type properties []namedProperty

type namedProperty struct {
	name string
	property
}

func readProperties(text []byte) (list properties, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errNoProperties
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, errNoProperties
		}
		p := namedProperty{name: name.(string)}
		if err := d.Decode(&p.property); err != nil {
			return nil, fmt.Errorf("property %q: %w", name, err)
		}
		list = append(list, p)
	}
	return list, nil
}

// UnmarshalJSON reads those of an object inside of another one. Of what is wrong there
// nothing is known: its column is JSON.
func (p *properties) UnmarshalJSON(text []byte) error {
	*p, _ = readProperties(text)
	return nil
}

// part is what a schema says of each item of an array, or of each other field of an
// object: nil if that is not one schema, but true, false or several.
type part struct{ *property }

func (p *part) UnmarshalJSON(text []byte) error {
	var one property
	if json.Unmarshal(text, &one) == nil {
		p.property = &one
	}
	return nil
}

// words are one or several.
type words []string

func (w *words) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(w))
}

var jsonType = batch.Type{Kind: batch.JSON}

// jsonTypes finds the types of columns.
type jsonTypes struct {
	texts     schemaTexts
	left      int                 // references that may yet be followed for a column
	following map[jsonPlace]*bool // those that are, which may have been met again
}

// jsonPlace is where a reference leads to.
type jsonPlace struct{ in, ref string }

// jsonReferencesMax is how many references are followed for a column: what is referred
// to in many places has a type in each of them, and may refer to others in many places.
const jsonReferencesMax = 1000

func newJSONTypes(text string, references []reference) *jsonTypes {
	return &jsonTypes{texts: newSchemaTexts(text, references), following: make(map[jsonPlace]*bool)}
}

// column returns the type of a column that takes all values of a property in one of the
// texts. If too much is referred to, it is JSON.
func (t *jsonTypes) column(p *property, in string) batch.Type {
	t.left = jsonReferencesMax
	if typ := t.typ(p, in, 0); t.left >= 0 {
		return typ
	}
	return jsonType
}

// typ is column for a property inside of so many nested types.
func (t *jsonTypes) typ(p *property, in string, around int) batch.Type {
	types := t.types(nil, p, in, around)
	bigint, double := batch.Type{Kind: batch.BigInt}, batch.Type{Kind: batch.Double}
	switch {
	case len(types) == 1:
		return types[0]
	case len(types) == 0 || slices.ContainsFunc(types, func(t batch.Type) bool { return t == jsonType || t.Nested != nil }):
		return jsonType
	case len(types) == 2 && slices.Contains(types, bigint) && slices.Contains(types, double):
		return double
	}
	return batch.Type{Kind: batch.Varchar}
}

var (
	typeKinds   = map[string]batch.Kind{"integer": batch.BigInt, "number": batch.Double, "boolean": batch.Boolean, "string": batch.Varchar}
	formatKinds = map[string]batch.Kind{"date-time": batch.TimestampTZ, "date": batch.Date, "uuid": batch.UUID}
)

// types adds those of the property's values that are not there yet, but null.
func (t *jsonTypes) types(list []batch.Type, p *property, in string, around int) []batch.Type {
	if p.Ref != "" {
		return t.referred(list, p.Ref, in, around)
	}
	for _, word := range p.Types {
		kind, ok := typeKinds[word]
		if format, is := formatKinds[p.Format]; is && word == "string" {
			kind = format
		}
		typ := batch.Type{Kind: kind}
		if !ok {
			typ = t.nested(p, word, in, around)
		}
		if word != "null" && !slices.Contains(list, typ) {
			list = append(list, typ)
		}
	}
	some := [][]property{p.OneOf, p.AnyOf}
	if len(p.AllOf) == 1 { // several would have to be put together
		some = append(some, p.AllOf)
	}
	for _, each := range some {
		for i := range each {
			list = t.types(list, &each[i], in, around)
		}
	}
	return list
}

// referred adds the types of what a reference in one of the texts leads to: JSON, if it
// leads nowhere, or to what contains it.
func (t *jsonTypes) referred(list []batch.Type, ref, in string, around int) []batch.Type {
	text, where := t.texts.find(ref, in)
	var p property
	place := jsonPlace{where, ref}
	if met := t.following[place]; met != nil {
		*met = true
		return append(list, jsonType)
	}
	if t.left--; t.left < 0 || text == nil || json.Unmarshal(text, &p) != nil {
		return append(list, jsonType)
	}
	again := false
	t.following[place] = &again
	defer delete(t.following, place)
	if types := t.types(nil, &p, where, around); !again {
		return append(list, types...)
	}
	return append(list, jsonType)
}

// nested returns the STRUCT of an object with properties, the MAP of one whose fields
// may have any name and have one type, and the list of an array of items of one type. If
// there is none, or too much is in it, it is JSON.
func (t *jsonTypes) nested(p *property, word, in string, around int) batch.Type {
	var typ batch.Type
	var err error
	switch {
	case around >= batch.NestedDepthMax:
		return jsonType
	case word == "object" && len(p.Properties) > 0 && p.Others.property != nil: // a STRUCT would leave the others out
		return jsonType
	case word == "object" && len(p.Properties) > 0:
		fields := make([]batch.Column, len(p.Properties))
		for i := range fields {
			fields[i] = batch.Column{Name: p.Properties[i].name, Type: t.typ(&p.Properties[i].property, in, around+1)}
		}
		typ, err = batch.StructOf(fields)
	case word == "object" && p.Others.property != nil:
		typ, err = batch.MapOf(batch.Type{Kind: batch.Varchar}, t.typ(p.Others.property, in, around+1))
	case word == "array" && p.Items.property != nil:
		typ, err = batch.ListOf(t.typ(p.Items.property, in, around+1))
	default:
		return jsonType
	}
	if err != nil {
		return jsonType
	}
	return typ
}
