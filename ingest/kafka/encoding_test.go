package kafka

import (
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/broker"
	"github.com/millstream-db/millstream/ingest/decode"
)

func TestEncodings(t *testing.T) {
	text, number, bytes := batch.Column{Name: "a", Type: batch.Type{Kind: batch.Varchar}}, batch.Column{Name: "n", Type: batch.Type{Kind: batch.BigInt}}, batch.Column{Name: "b", Type: batch.Type{Kind: batch.Blob}}
	list, err := batch.ListOf(text.Type)
	if err != nil {
		t.Fatal(err)
	}
	nested := batch.Column{Name: "l", Type: list}
	for _, tt := range []struct {
		name, format, encode string
		options              map[string]string
		columns              []batch.Column
		paths                []string
		included             []source.Included
		csv                  decode.CSVOptions
		want                 string // a text of the error, "" for none
	}{
		{name: "JSON", encode: "JSON"},
		{name: "small letters", format: "plain", encode: "csv", csv: decode.CSVOptions{Delimiter: ',', Quote: '"'}},
		{name: "JSON has others", encode: "JSON", options: map[string]string{"delimiter": ";"}, want: "FORMAT PLAIN ENCODE JSON has no option delimiter; it knows time.format, timestamp.format"},
		{name: "times", encode: "JSON", options: map[string]string{"timestamp.format": "Epoch_Millis", "time.format": "micros"}},
		{name: "paths", encode: "JSON", columns: []batch.Column{text, number}, paths: []string{"", "a.b[0]"}},
		{name: "no path", encode: "JSON", columns: []batch.Column{text, number}, paths: []string{"a..b", "[0]"}, want: `column "a": path "a..b": a key is missing; write it as 'payment.lines[0].total'` + "\n" + `column "n": path "[0]": it begins with an index`},
		{name: "a path in a line", encode: "CSV", columns: []batch.Column{text}, paths: []string{"a"}, want: "PATH is for columns of ENCODE JSON: with ENCODE CSV"},
		{name: "no such time", encode: "JSON", options: map[string]string{"timestamp.format": "sql"}, want: "timestamp.format must be one of 'epoch_micros', 'epoch_millis', 'epoch_nanos', 'epoch_seconds', 'iso8601', not 'sql'"},
		{name: "decimals are Debezium's", encode: "JSON", options: map[string]string{"decimal.handling.mode": "precise"}, want: "has no option decimal.handling.mode"},
		{name: "Debezium", format: "DEBEZIUM", encode: "JSON", options: map[string]string{"decimal.handling.mode": "precise"}},
		{name: "no such decimals", format: "DEBEZIUM", encode: "JSON", options: map[string]string{"decimal.handling.mode": "exact"}, want: "decimal.handling.mode must be one of 'string', 'double', 'precise', not 'exact'"},
		{name: "Debezium's CSV", format: "DEBEZIUM", encode: "CSV", want: "FORMAT DEBEZIUM ENCODE CSV is not supported"},
		{name: "CSV", encode: "CSV", options: map[string]string{"delimiter": ";", "quote": "'", "null": `\N`}, csv: decode.CSVOptions{Delimiter: ';', Quote: '\'', Null: `\N`}},
		{name: "tabs without quotes", encode: "CSV", options: map[string]string{"delimiter": `\t`, "quote": ""}, csv: decode.CSVOptions{Delimiter: '\t'}},
		{name: "unknown", encode: "CSV", options: map[string]string{"names": "true"}, want: "ENCODE CSV has no option names; it knows delimiter, header, null, quote"},
		{name: "a header", encode: "CSV", options: map[string]string{"header": "TRUE"}, csv: decode.CSVOptions{Delimiter: ',', Quote: '"'}},
		{name: "half a header", encode: "CSV", options: map[string]string{"header": "yes"}, want: "header of ENCODE CSV must be 'true' or 'false', not 'yes'"},
		{name: "a header of JSON", encode: "JSON", options: map[string]string{"header": "true"}, want: "ENCODE JSON has no option header"},
		{name: "whole tables beside each row", encode: "CSV", options: map[string]string{"header": "true"}, included: []source.Included{{Part: source.Payload}}, want: "INCLUDE payload is for records that are one row each"},
		{name: "lines beside each row", encode: "CSV", included: []source.Included{{Part: source.Payload}}, csv: decode.CSVOptions{Delimiter: ',', Quote: '"'}},
		{name: "long delimiter", encode: "CSV", options: map[string]string{"delimiter": "||"}, want: "delimiter of ENCODE CSV must be one ASCII character, not '||'"},
		{name: "no delimiter", encode: "CSV", options: map[string]string{"delimiter": ""}, want: "one ASCII character"},
		{name: "delimiter beyond ASCII", encode: "CSV", options: map[string]string{"delimiter": "§"}, want: "one ASCII character"},
		{name: "the same", encode: "CSV", options: map[string]string{"delimiter": `"`}, want: "must differ"},
		{name: "delimiter in NULL", encode: "CSV", options: map[string]string{"null": "a,b"}, want: "null of ENCODE CSV can't hold"},
		{name: "quote in NULL", encode: "CSV", options: map[string]string{"null": `""`}, want: "null of ENCODE CSV can't hold"},
		{name: "TEXT", encode: "TEXT", columns: []batch.Column{number}},
		{name: "TEXT of two", encode: "TEXT", columns: []batch.Column{text, number}, want: "the source has 2 columns to decode"},
		{name: "TEXT of none", encode: "TEXT", want: "the source has 0 columns to decode"},
		{name: "BYTES", encode: "BYTES", columns: []batch.Column{bytes}},
		{name: "BYTES to text", encode: "BYTES", columns: []batch.Column{text}, want: `column "a" is of type VARCHAR`},
		{name: "CSV of structs", encode: "CSV", columns: []batch.Column{text, nested}, want: `column "l" of type VARCHAR[] can't be read from a text: declare it as JSON`},
		{name: "TEXT of lists", encode: "TEXT", columns: []batch.Column{nested}, want: `column "l" of type VARCHAR[] can't be read from a text`},
		{name: "JSON of lists", encode: "JSON", columns: []batch.Column{nested}},
		{name: "keyed CSV", format: "UPSERT", encode: "CSV", want: "FORMAT UPSERT ENCODE CSV is not supported"},
		{name: "another", encode: "XML", want: "use FORMAT PLAIN ENCODE JSON, AVRO, PROTOBUF, CSV, TEXT or BYTES"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec := source.Spec{
				Name: "s", Format: tt.format, Encode: tt.encode, EncodeOptions: tt.options, Schema: batch.NewSchema(tt.columns), Paths: tt.paths, Included: tt.included,
				Options: map[string]string{"topic": "t", "properties.bootstrap.server": "a:1"},
			}
			s, err := readSettings(spec)
			if got := s.encoding.csv; tt.want == "" && (err != nil || got != tt.csv) {
				t.Errorf("got %+v, %v", got, err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestCSVTopic reads lines, of which one does not fit and one has no value.
func TestCSVTopic(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	for _, line := range []string{"1;first", `2;"a;b"`, "id;name", "3;"} {
		b.write(t, &kgo.Record{Topic: topic, Value: []byte(line)})
	}
	b.write(t, &kgo.Record{Topic: topic})
	sink := newSink()
	var names string
	sp := spec(t, b.Addr(), nil)
	sp.Encode, sp.EncodeOptions = "CSV", map[string]string{"delimiter": ";"}
	r, err := New(quick).Open(sp, nil, sinkFunc(func(x *batch.Batch) error {
		for i := range x.Rows() {
			names += x.Record.Column(1).ValueStr(i) + "|"
		}
		return sink.Append(t.Context(), x)
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	run{r, sink}.reach(t, 0, 5)
	r.Close()
	if names != "first|a;b|(null)|" || !slices.Equal(sink.ids[0], []int64{1, 2, 3, -1, -1}) {
		t.Errorf("got %s, %v", names, sink.ids[0])
	}
	var reasons []string
	for _, x := range sink.rejected {
		reasons = append(reasons, x.Error)
	}
	if want := []string{`column "id": "id" is not a BIGINT, at byte 0`, "the record has no value (a tombstone)"}; !slices.Equal(reasons, want) {
		t.Errorf("rejected for %q, want %q", reasons, want)
	}
}
