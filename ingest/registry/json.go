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
	out := jsonSchema{name: s.Title, options: f.Options}
	d := json.NewDecoder(bytes.NewReader(s.Properties))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errNoProperties
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, errNoProperties
		}
		var p property
		if err := d.Decode(&p); err != nil {
			return nil, fmt.Errorf("property %q: %w", name, err)
		}
		out.columns = append(out.columns, batch.Column{Name: name.(string), Type: batch.Type{Kind: p.column()}})
	}
	return out, nil
}

func (JSON) chosen(schema) (message int, err error) { return 0, nil }

// parseFile is not for JSON, whose records need no schema to be read.
func (JSON) parseFile(_, _ string) (s schema, message int, err error) {
	return nil, 0, errors.New("records of JSON are read without a schema")
}

// property is what a schema says of a field, as far as it tells its column.
type property struct {
	Types  words `json:"type"`
	Format string
	OneOf  []property
	AnyOf  []property
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

// column returns the type of a column that takes all of the property's values.
func (p *property) column() batch.Kind {
	kinds := p.kinds(nil)
	switch {
	case len(kinds) == 1:
		return kinds[0]
	case len(kinds) == 0 || slices.Contains(kinds, batch.JSON):
		return batch.JSON
	case len(kinds) == 2 && slices.Contains(kinds, batch.BigInt) && slices.Contains(kinds, batch.Double):
		return batch.Double
	}
	return batch.Varchar
}

var (
	typeKinds   = map[string]batch.Kind{"integer": batch.BigInt, "number": batch.Double, "boolean": batch.Boolean, "string": batch.Varchar}
	formatKinds = map[string]batch.Kind{"date-time": batch.TimestampTZ, "date": batch.Date, "uuid": batch.UUID}
)

// kinds adds those of the property's values that are not there yet, but null.
func (p *property) kinds(list []batch.Kind) []batch.Kind {
	for _, word := range p.Types {
		kind, ok := typeKinds[word]
		if format, is := formatKinds[p.Format]; is && word == "string" {
			kind = format
		}
		if !ok {
			kind = batch.JSON
		}
		if word != "null" && !slices.Contains(list, kind) {
			list = append(list, kind)
		}
	}
	for _, some := range [][]property{p.OneOf, p.AnyOf} {
		for i := range some {
			list = some[i].kinds(list)
		}
	}
	return list
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
