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
	encode := strings.ToUpper(cmp.Or(spec.KeyEncode, otherwise))
	if !o.readsKeys(spec, e, encode) {
		return keyEncoding{}
	}
	var k keyEncoding
	switch encode {
	case "JSON":
	case "TEXT", "BYTES":
		k.plain = decode.KeyText
		if encode == "BYTES" {
			k.plain = decode.KeyBytes
		}
		o.oneKey(spec, encode)
	case "AVRO", "PROTOBUF":
		if !registered {
			o.problem("KEY ENCODE %s needs %s, which ENCODE AVRO, PROTOBUF and JSON can have: keys name their schema by its id there", encode, optRegistry)
		}
		if k.format = (registry.Protobuf{}); encode == "AVRO" {
			k.format = registry.Avro{}
		}
	default:
		o.problem("KEY ENCODE must be JSON, TEXT, BYTES, AVRO or PROTOBUF, not %s", encode)
	}
	return k
}

// readsKeys reports whether the source decodes keys, and checks that what it does with
// them is what can be done.
func (o *optionReader) readsKeys(spec source.Spec, e encoding, encode string) bool {
	keys := includedKeys(spec)
	switch {
	case e.format == "UPSERT" || e.format == "DEBEZIUM" && e.encode == "AVRO":
		if len(keys) > 0 {
			o.problem("INCLUDE key '…' is for FORMAT PLAIN: with FORMAT %s the fields of keys are the columns of the primary key", e.format)
		}
		return true
	case e.format != "PLAIN":
		if spec.KeyEncode != "" || len(keys) > 0 {
			o.problem("KEY ENCODE is for FORMAT PLAIN, FORMAT UPSERT and FORMAT DEBEZIUM ENCODE AVRO, and INCLUDE key '…' for FORMAT PLAIN")
		}
		return false
	case len(keys) == 0 && spec.KeyEncode != "" && encode != "TEXT" && encode != "BYTES":
		o.problem("KEY ENCODE %s has no column to decode keys into: INCLUDE key 'field' type AS name makes one of a field, and INCLUDE key type AS name of the whole key", encode)
	}
	for _, k := range keys {
		switch {
		case !k.whole && (encode == "TEXT" || encode == "BYTES"):
			o.problem("KEY ENCODE %s has no fields: INCLUDE key VARCHAR AS name is the key's text, INCLUDE key AS name its bytes", encode)
		case k.whole && encode == "PROTOBUF":
			o.problem("KEY ENCODE PROTOBUF has fields, and no column for the whole key: name one in column %q, INCLUDE key 'field' …", k.columns.Columns[0].Name)
		}
	}
	return len(keys) > 0
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
