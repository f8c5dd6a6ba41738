package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// JSON is the Format of JSON records that name their schema, as Confluent's JSON
// serializers write them. Records say themselves what their fields are: the schema
// says which columns there could be.
type JSON struct{ Options decode.JSONOptions }

func (JSON) kind() sr.SchemaType { return sr.TypeJSON }

func (JSON) name() string { return "a JSON" }

var errNoProperties = errors.New("it is not the JSON schema of objects: it declares no properties")

func (f JSON) parse(text string, _ []reference) (schema, error) {
	var s struct {
		Title      string
		Properties json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &s); err != nil || len(s.Properties) == 0 {
		return nil, errNoProperties
	}
	declared, err := readProperties(s.Properties)
	if err != nil {
		return nil, err
	}
	out := jsonSchema{name: s.Title, options: f.Options}
	for i := range declared {
		out.columns = append(out.columns, batch.Column{Name: declared[i].name, Type: declared[i].typ(0)})
	}
	return out, nil
}

func (JSON) chosen(schema) (message int, err error) { return 0, nil }

// parseFile is not for JSON, whose records need no schema to be read.
func (JSON) parseFile(_, _ string) (s schema, message int, err error) {
	return nil, 0, errors.New("records of JSON are read without a schema")
}

// property is what a schema says of a field, as far as it tells its column. Others
// that it refers to ($ref) are not looked up.
type property struct {
	Types      words `json:"type"`
	Format     string
	OneOf      []property
	AnyOf      []property
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

// typ returns the type of a column that takes all of the property's values. around is
// how many nested types it will be in.
func (p *property) typ(around int) batch.Type {
	types := p.types(nil, around)
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
func (p *property) types(list []batch.Type, around int) []batch.Type {
	for _, word := range p.Types {
		kind, ok := typeKinds[word]
		if format, is := formatKinds[p.Format]; is && word == "string" {
			kind = format
		}
		typ := batch.Type{Kind: kind}
		if !ok {
			typ = p.nested(word, around)
		}
		if word != "null" && !slices.Contains(list, typ) {
			list = append(list, typ)
		}
	}
	for _, some := range [][]property{p.OneOf, p.AnyOf} {
		for i := range some {
			list = some[i].types(list, around)
		}
	}
	return list
}

// nested returns the STRUCT of an object with properties, the MAP of one whose fields
// may have any name and have one type, and the list of an array of items of one type. If
// there is none, or too much is in it, it is JSON.
func (p *property) nested(word string, around int) batch.Type {
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
			fields[i] = batch.Column{Name: p.Properties[i].name, Type: p.Properties[i].typ(around + 1)}
		}
		typ, err = batch.StructOf(fields)
	case word == "object" && p.Others.property != nil:
		typ, err = batch.MapOf(batch.Type{Kind: batch.Varchar}, p.Others.typ(around+1))
	case word == "array" && p.Items.property != nil:
		typ, err = batch.ListOf(p.Items.typ(around + 1))
	default:
		return jsonType
	}
	if err != nil {
		return jsonType
	}
	return typ
}

type jsonSchema struct {
	name    string
	columns []batch.Column
	options decode.JSONOptions
}

func (jsonSchema) split(framed []byte) (message int, datum []byte, err error) { return 0, framed, nil }

func (s jsonSchema) compile(_ int, table *batch.Schema, limits decode.Limits) (decoder, error) {
	return decode.NewJSONWith(table, s.options, limits), nil
}

func (s jsonSchema) propose(_ int, table *batch.Schema, p *decode.Proposal) {
	names := make([]decode.Field, len(s.columns))
	for i, c := range s.columns {
		names[i] = decode.Field{Name: c.Name}
	}
	for i, column := range decode.ColumnsOf(names, table) {
		if column < 0 {
			p.Add(s.columns[i].Name, s.columns[i].Type)
		}
	}
}

func (s jsonSchema) title(int) string {
	if s.name == "" {
		return "an object"
	}
	return s.name
}
