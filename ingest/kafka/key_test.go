package kafka

import (
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
)

func TestKeyOptions(t *testing.T) {
	registry := map[string]string{"schema.registry": "http://r"}
	columns := []batch.Column{{Name: "id", Type: batch.Type{Kind: batch.BigInt}}, {Name: "b", Type: batch.Type{Kind: batch.Blob}}, {Name: "v", Type: batch.Type{Kind: batch.Varchar}}}
	for _, tt := range []struct {
		name, format, encode, key string
		primary                   []int
		options                   map[string]string
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
		{name: "no upsert", format: "PLAIN", encode: "JSON", key: "TEXT", want: []string{"KEY ENCODE is for FORMAT UPSERT"}},
		{name: "Debezium's in Avro", format: "DEBEZIUM", encode: "AVRO", key: "JSON", options: registry},
		{name: "Debezium's in a file", format: "DEBEZIUM", encode: "AVRO", options: map[string]string{"schema.location": "file:///none"}, want: []string{"FORMAT DEBEZIUM ENCODE AVRO needs schema.registry", "none: no such file"}},
		{name: "Debezium's", format: "DEBEZIUM", encode: "JSON", key: "TEXT", want: []string{"KEY ENCODE is for FORMAT UPSERT"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := spec(t, "a:1", nil)
			s.Format, s.Encode, s.KeyEncode, s.EncodeOptions, s.Schema = "UPSERT", tt.encode, tt.key, tt.options, batch.NewSchema(columns)
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
