package kafka

import (
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
)

func TestKeyOptions(t *testing.T) {
	registry := map[string]string{"schema.registry": "http://r"}
	field, whole := keyColumn(t, "f", "BIGINT", "id"), keyColumn(t, "k", "JSON", "")
	columns := []batch.Column{{Name: "id", Type: batch.Type{Kind: batch.BigInt}}, {Name: "b", Type: batch.Type{Kind: batch.Blob}}, {Name: "v", Type: batch.Type{Kind: batch.Varchar}}}
	for _, tt := range []struct {
		name, format, encode, key string
		primary                   []int
		options                   map[string]string
		included                  []source.Included
		want                      []string
	}{
		{name: "usual", encode: "JSON"},
		{name: "JSON", encode: "AVRO", key: "JSON", options: registry, primary: []int{0, 1}},
		{name: "text", encode: "PROTOBUF", key: "TEXT", options: registry},
		{name: "bytes", encode: "JSON", key: "BYTES", primary: []int{1}},
		{name: "Avro", encode: "AVRO", key: "AVRO", options: registry, primary: []int{0, 1}},
		{name: "Protobuf under Avro", encode: "AVRO", key: "protobuf", options: registry},
		{name: "text of two", encode: "JSON", key: "TEXT", primary: []int{0, 1}, want: []string{"KEY ENCODE TEXT gives one value a key, the primary key has 2 columns"}},
		{name: "bytes into a number", encode: "JSON", key: "BYTES", want: []string{`KEY ENCODE BYTES needs a column of type BLOB, column "id" is of type BIGINT`}},
		{name: "Avro without a registry", encode: "JSON", key: "AVRO", want: []string{"KEY ENCODE AVRO needs schema.registry"}},
		{name: "unknown", encode: "JSON", key: "XML", want: []string{"KEY ENCODE must be JSON, TEXT, BYTES, AVRO or PROTOBUF, not XML"}},
		{name: "text without a column", format: "PLAIN", encode: "JSON", key: "TEXT"},
		{name: "no column", format: "PLAIN", encode: "JSON", key: "JSON", want: []string{"KEY ENCODE JSON has no column to decode keys into"}},
		{name: "a field", format: "PLAIN", encode: "CSV", included: []source.Included{field}},
		{name: "a field of a text", format: "PLAIN", encode: "JSON", key: "TEXT", included: []source.Included{field}, want: []string{"KEY ENCODE TEXT has no fields: INCLUDE key VARCHAR"}},
		{name: "all of an Avro key", format: "PLAIN", encode: "PROTOBUF", key: "AVRO", included: []source.Included{whole}, options: registry},
		{name: "all of a message", format: "PLAIN", encode: "AVRO", key: "PROTOBUF", included: []source.Included{whole}, options: registry, want: []string{`KEY ENCODE PROTOBUF has fields, and no column for the whole key: name one in column "k"`}},
		{name: "an Avro key without a registry", format: "PLAIN", encode: "JSON", key: "AVRO", included: []source.Included{field}, want: []string{"KEY ENCODE AVRO needs schema.registry"}},
		{name: "a field of a primary key", encode: "JSON", included: []source.Included{field}, want: []string{"INCLUDE key '…' is for FORMAT PLAIN: with FORMAT UPSERT"}},
		{name: "Debezium's in Avro", format: "DEBEZIUM", encode: "AVRO", key: "JSON", options: registry},
		{name: "Debezium's in a file", format: "DEBEZIUM", encode: "AVRO", options: map[string]string{"schema.location": "file:///none"}, want: []string{"FORMAT DEBEZIUM ENCODE AVRO needs schema.registry", "none: no such file"}},
		{name: "Debezium's", format: "DEBEZIUM", encode: "JSON", key: "TEXT", want: []string{"KEY ENCODE is for FORMAT PLAIN, FORMAT UPSERT and"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := spec(t, "a:1", nil)
			s.Format, s.Encode, s.KeyEncode, s.EncodeOptions, s.Schema = "UPSERT", tt.encode, tt.key, tt.options, batch.NewSchema(columns)
			s.Included = tt.included
			if tt.format != "" {
				s.Format = tt.format
			}
			if s.Key = tt.primary; s.Key == nil && s.Format != "PLAIN" {
				s.Key = []int{0}
			}
			wantProblems(t, s, tt.want)
		})
	}
}
