package registry

import (
	"cmp"
	"encoding/json"
	"errors"

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

func (f JSON) parse(text string, references []reference) (schema, error) {
	var s struct {
		Title      string
		Ref        string `json:"$ref"`
		Properties json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, errNoProperties
	}
	types, in, title := newJSONTypes(text, references), "", s.Title
	if s.Ref != "" && len(s.Properties) == 0 { // the object is one of the definitions
		var object json.RawMessage
		if object, in = types.texts.find(s.Ref, in); json.Unmarshal(object, &s) != nil {
			return nil, errNoProperties
		}
	}
	if len(s.Properties) == 0 {
		return nil, errNoProperties
	}
	declared, err := readProperties(s.Properties)
	if err != nil {
		return nil, err
	}
	out := jsonSchema{name: cmp.Or(title, s.Title), options: f.Options}
	for i := range declared {
		out.columns = append(out.columns, batch.Column{Name: declared[i].name, Type: types.column(&declared[i].property, in)})
	}
	return out, nil
}

func (JSON) chosen(schema) (message int, err error) { return 0, nil }

// parseFile is not for JSON, whose records need no schema to be read.
func (JSON) parseFile(_, _ string) (s schema, message int, err error) {
	return nil, 0, errors.New("records of JSON are read without a schema")
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
