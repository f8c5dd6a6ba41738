package kafka

import (
	"cmp"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
	"github.com/millstream-db/millstream/ingest/registry"
)

// keyEncoding is what KEY ENCODE says.
type keyEncoding struct {
	plain  decode.KeyEncoding
	format registry.Format // of keys that name their schema; else nil
}

// keyEncoding reads how keys are encoded. Where nothing is said they are as the
// values are, if there is a registry for those.
func (o *optionReader) keyEncoding(spec source.Spec, e encoding) keyEncoding {
	registered := e.schemas.format != nil && e.schemas.file == ""
	otherwise := "JSON"
	if registered && e.encode == "AVRO" {
		otherwise = "AVRO"
	}
	if e.format != "UPSERT" && !(e.format == "DEBEZIUM" && e.encode == "AVRO") {
		if spec.KeyEncode != "" {
			o.problem("KEY ENCODE is for FORMAT UPSERT, whose keys are read, and for FORMAT DEBEZIUM ENCODE AVRO; INCLUDE key makes a column of keys elsewhere")
		}
		return keyEncoding{}
	}
	column := ""
	if len(spec.Key) == 1 && spec.Schema != nil {
		column = spec.Schema.Columns[spec.Key[0]].Name
	}
	var k keyEncoding
	switch encode := strings.ToUpper(cmp.Or(spec.KeyEncode, otherwise)); encode {
	case "JSON":
	case "TEXT", "BYTES":
		k.plain = decode.KeyText
		if encode == "BYTES" {
			k.plain = decode.KeyBytes
		}
		o.oneKey(spec, encode)
	case "AVRO", "PROTOBUF":
		if !registered {
			o.problem("KEY ENCODE %s needs %s, which ENCODE AVRO and ENCODE PROTOBUF have: keys name their schema by its id there", encode, optRegistry)
		}
		if k.format = (registry.Protobuf{}); encode == "AVRO" {
			k.format = registry.Avro{Column: column}
		}
	default:
		o.problem("KEY ENCODE must be JSON, TEXT, BYTES, AVRO or PROTOBUF, not %s", encode)
	}
	return k
}

// oneKey checks the primary key of a source whose keys are one value each.
func (o *optionReader) oneKey(spec source.Spec, encode string) {
	if n := len(spec.Key); n != 1 {
		if n > 1 {
			o.problem("KEY ENCODE %s gives one value a key, the primary key has %d columns", encode, n)
		}
		return
	}
	if c := spec.Schema.Columns[spec.Key[0]]; encode == "BYTES" && c.Type.Kind != batch.Blob {
		o.problem("KEY ENCODE BYTES needs a column of type BLOB, column %q is of type %s: KEY ENCODE TEXT reads the types that have a text", c.Name, c.Type)
	}
}
