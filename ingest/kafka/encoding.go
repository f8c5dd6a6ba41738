package kafka

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
	"github.com/millstream-db/millstream/ingest/registry"
)

// encoding is what FORMAT … ENCODE … (…) says.
type encoding struct {
	format  string // PLAIN, UPSERT or DEBEZIUM
	encode  string // JSON, AVRO, PROTOBUF, CSV, TEXT or BYTES
	json    decode.JSONOptions
	csv     decode.CSVOptions
	header  bool        // each record of CSV has a line of names, and lines of values
	schemas schemaPlace // of AVRO, PROTOBUF, and JSON with a registry
	key     keyEncoding // of UPSERT
}

// encoding reads how records are encoded.
func (o *optionReader) encoding(spec source.Spec) encoding {
	format, encode := strings.ToUpper(cmp.Or(spec.Format, "PLAIN")), strings.ToUpper(cmp.Or(spec.Encode, "JSON"))
	of := optionReader{options: spec.EncodeOptions}
	e := encoding{format: format, encode: encode}
	known := []string{}
	switch {
	case encode == "JSON" && (format == "PLAIN" || format == "UPSERT" || format == "DEBEZIUM"):
		known = jsonOptions
		if format == "DEBEZIUM" {
			known = debeziumOptions
		}
		e.json = of.json(spec)
		if format == "PLAIN" && of.has(optRegistry) {
			known = slices.Concat(jsonOptions, []string{optRegistry}, registryOptions)
			e.schemas = of.schemaPlace(encode, registry.JSON{Options: e.json})
		}
	case format == "PLAIN" && encode == "CSV":
		known = csvOptions
		of.csv(spec, &e)
		of.texts(spec.Schema)
	case (format == "PLAIN" || format == "UPSERT") && (encode == "AVRO" || encode == "PROTOBUF"), format == "DEBEZIUM" && encode == "AVRO":
		known = avroOptions
		schemas := registry.Format(registry.Avro{})
		if encode == "PROTOBUF" {
			known, schemas = protobufOptions, registry.Protobuf{Message: of.text(optMessage, "")}
		}
		e.schemas = of.schemaPlace(encode, schemas)
	case format == "PLAIN" && (encode == "TEXT" || encode == "BYTES"):
		of.oneColumn(spec.Schema, encode)
	default:
		o.problem("FORMAT %s ENCODE %s is not supported by the kafka connector: use FORMAT PLAIN ENCODE JSON, AVRO, PROTOBUF, CSV, TEXT or BYTES, FORMAT UPSERT ENCODE JSON, AVRO or PROTOBUF, or FORMAT DEBEZIUM ENCODE JSON or AVRO", format, encode)
		return e
	}
	if format == "DEBEZIUM" && e.schemas.file != "" {
		of.problem("FORMAT DEBEZIUM ENCODE AVRO needs %s", optRegistry)
	}
	if encode != "JSON" && len(spec.Paths) > 0 {
		o.problem("PATH is for columns of ENCODE JSON: with ENCODE %s, take a part out of a column in a generated one", encode)
	}
	e.key = of.keyEncoding(spec, e)
	for _, name := range slices.Sorted(maps.Keys(spec.EncodeOptions)) {
		switch {
		case slices.Contains(known, name):
		case len(known) == 0:
			of.problem("ENCODE %s has no option %s: it has none", encode, name)
		case encode == "JSON":
			of.problem("FORMAT %s ENCODE JSON has no option %s; it knows %s", format, name, strings.Join(known, ", "))
		default:
			of.problem("ENCODE %s has no option %s; it knows %s", encode, name, strings.Join(known, ", "))
		}
	}
	o.problems = append(o.problems, of.problems...)
	return e
}

var csvOptions = slices.Sorted(slices.Values(append([]string{decode.CSVHeaderOption}, decode.CSVOptionNames...)))

// csv reads the options of ENCODE CSV (…).
func (o *optionReader) csv(spec source.Spec, e *encoding) {
	var problems []error
	e.csv, problems = decode.ReadCSVOptions(spec.EncodeOptions)
	o.problems = append(o.problems, problems...)
	var err error
	if e.header, err = decode.ReadCSVHeader(spec.EncodeOptions, false); err != nil {
		o.problems = append(o.problems, err)
	}
	for _, c := range spec.Included {
		if e.header && c.Part == source.Payload {
			o.problem("INCLUDE payload is for records that are one row each: with %s = 'true' every row would have all others beside it", decode.CSVHeaderOption)
		}
	}
}

// oneColumn checks the columns of a source whose records are one value each.
func (o *optionReader) oneColumn(schema *batch.Schema, encode string) {
	if schema == nil {
		return
	}
	if n := len(schema.Columns); n != 1 {
		o.problem("ENCODE %s gives one value a record, the source has %d columns to decode: declare one", encode, n)
		return
	}
	if c := schema.Columns[0]; encode == "BYTES" && c.Type.Kind != batch.Blob {
		o.problem("ENCODE BYTES needs a column of type BLOB, column %q is of type %s: ENCODE TEXT reads the types that have a text", c.Name, c.Type)
		return
	}
	o.texts(schema)
}

// texts checks that all columns can be read from texts.
func (o *optionReader) texts(schema *batch.Schema) {
	if err := decode.CheckTexts(schema); err != nil {
		o.problem("%v", err)
	}
}

func limitsOf(spec source.Spec) decode.Limits {
	return decode.Limits{MaxBytes: spec.MaxRecordBytes, MaxDepth: spec.MaxDepth, MaxFields: spec.MaxFields}
}

// newDecoder returns the decoder of the source's records. known is nil unless they
// need schemas.
func newDecoder(spec source.Spec, e encoding, known *schemas) decoder {
	limits := limitsOf(spec)
	switch {
	case known != nil:
		return known.decoder(spec, e)
	case e.format == "DEBEZIUM":
		return ofBoth(decode.NewDebezium(spec.Schema, spec.Key, e.json, limits).Decode)
	case len(spec.Key) > 0:
		return ofBoth(decode.NewKeyed(spec.Schema, spec.Key, decode.NewKey(spec.Schema, spec.Key, e.key.plain, e.json, limits),
			decode.NewJSONColumns(spec.Schema, decode.Others(spec.Schema, spec.Key), e.json, limits)).Decode)
	case e.encode == "CSV":
		return ofValue(decode.NewCSV(spec.Schema, e.csv, limits).Decode)
	case e.encode == "TEXT":
		return ofValue(decode.NewText(spec.Schema, limits).Decode)
	case e.encode == "BYTES":
		return ofValue(decode.NewBytes(limits).Decode)
	}
	return ofValue(decode.NewJSONWith(spec.Schema, e.json, limits).Decode)
}

// ofValue is a decoder that looks at the record's value only.
func ofValue(decode func(value []byte, b *batch.Builder) error) decoder {
	return func(r *kgo.Record, b *batch.Builder) (bool, error) {
		if r.Value == nil {
			return false, errNoValue
		}
		return false, decode(r.Value, b)
	}
}

var errNoValue = errors.New("the record has no value (a tombstone)")

// ofBoth is a decoder that looks at the record's key and value.
func ofBoth(decode func(key, value []byte, b *batch.Builder) (deleted bool, err error)) decoder {
	return func(r *kgo.Record, b *batch.Builder) (bool, error) { return decode(r.Key, r.Value, b) }
}
