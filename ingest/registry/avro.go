package registry

import (
	"encoding/json"
	"errors"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/avro"
	"github.com/millstream-db/millstream/ingest/decode"
)

// Avro is the Format of Avro records: the datum stands behind the schema's id.
type Avro struct {
	// Column is set for keys, which need not be records: it gets the value of those
	// that are none, and of records if it is for the whole key.
	Column string
	Whole  bool
}

func (Avro) kind() sr.SchemaType { return sr.TypeAvro }

func (Avro) name() string { return "an Avro" }

func (f Avro) parse(text string, references []reference) (schema, error) {
	var texts []string
	for _, r := range references {
		texts = append(texts, r.text)
	}
	if f.Column != "" {
		s, err := avro.ParseKey(f.Column, f.Whole, text, texts...)
		return avroSchema{s}, err
	}
	s, err := avro.ParseSchema(text, texts...)
	return avroSchema{s}, err
}

func (Avro) chosen(schema) (message int, err error) { return 0, nil }

func (f Avro) parseFile(_, text string) (s schema, message int, err error) {
	var record struct {
		Type   string
		Fields []json.RawMessage
	}
	if json.Unmarshal([]byte(text), &record) != nil || record.Type != "record" || record.Fields == nil {
		return nil, 0, errors.New("it is not the JSON of an Avro record's schema")
	}
	s, err = f.parse(text, nil)
	return s, 0, err
}

type avroSchema struct{ schema *avro.Schema }

func (avroSchema) split(framed []byte) (message int, datum []byte, err error) { return 0, framed, nil }

func (s avroSchema) compile(_ int, table *batch.Schema, limits decode.Limits) (decoder, error) {
	return avro.Compile(s.schema, table, limits)
}

func (s avroSchema) propose(_ int, table *batch.Schema, p *decode.Proposal) {
	avro.Propose(s.schema, table, p)
}

func (s avroSchema) title(int) string { return s.schema.String() }
