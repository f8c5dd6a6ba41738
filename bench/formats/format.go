package main

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"time"

	avrolib "github.com/twmb/avro"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/millstream-db/millstream/bench/workload"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/avro"
	"github.com/millstream-db/millstream/ingest/decode"
	"github.com/millstream-db/millstream/ingest/protobuf"
)

// decoder appends a record to a batch, or says what is wrong with it.
type decoder interface {
	Decode(value []byte, b *batch.Builder) error
}

// format is one way to write a click.
type format struct {
	name    string
	reader  string // the library that reads it, for the table
	records [][]byte
	decoder decoder
	// generic reads a record with the library, as a program without a schema of its
	// own does, and returns its fields' values in their order.
	generic func(record []byte) ([]any, error)
}

// click is a record of workload.Clicks.
type click struct {
	ID       int64     `json:"id"`
	TS       time.Time `json:"ts"`
	User     string    `json:"user"`
	Page     string    `json:"page"`
	Country  string    `json:"country"`
	Duration int32     `json:"duration_ms"`
	Bytes    int64     `json:"bytes"`
	Price    float64   `json:"price"`
	Status   int32     `json:"status"`
	Cached   bool      `json:"cached"`
}

var fields = []string{"id", "ts", "user", "page", "country", "duration_ms", "bytes", "price", "status", "cached"}

const avroSchema = `{"type": "record", "name": "Click", "fields": [
	{"name": "id", "type": "long"}, {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-micros"}},
	{"name": "user", "type": "string"}, {"name": "page", "type": "string"}, {"name": "country", "type": "string"},
	{"name": "duration_ms", "type": "int"}, {"name": "bytes", "type": "long"}, {"name": "price", "type": "double"},
	{"name": "status", "type": "int"}, {"name": "cached", "type": "boolean"}]}`

const protoSchema = `syntax = "proto3";
import "google/protobuf/timestamp.proto";
message Click {
  int64 id = 1; google.protobuf.Timestamp ts = 2; string user = 3; string page = 4; string country = 5;
  int32 duration_ms = 6; int64 bytes = 7; double price = 8; int32 status = 9; bool cached = 10;
}`

var base = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// clicks returns the records as JSON and read.
func clicks(n int) (texts [][]byte, read []click, err error) {
	from := workload.NewClicks(1)
	for i := range n {
		text := from.AppendValue(nil, int64(i), base)
		var c click
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, nil, fmt.Errorf("record %d: %w", i, err)
		}
		texts, read = append(texts, text), append(read, c)
	}
	return texts, read, nil
}

// newFormats returns the formats with n records each, and the columns they are for.
func newFormats(n int) ([]*format, *batch.Schema, error) {
	texts, list, err := clicks(n)
	if err != nil {
		return nil, nil, err
	}
	schema, err := columns()
	if err != nil {
		return nil, nil, err
	}
	all := []*format{newJSON(texts, schema), newCSV(list, schema)}
	for _, make := range []func([]click, *batch.Schema) (*format, error){newAvro, newProtobuf} {
		f, err := make(list, schema)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, f)
	}
	return all, schema, nil
}

// columns reads the list of columns that SQL has for clicks.
func columns() (*batch.Schema, error) {
	var list []batch.Column
	for _, item := range strings.Split(workload.ClicksColumns, ",") {
		name, typ, _ := strings.Cut(strings.TrimSpace(item), " ")
		t, err := batch.ParseType(typ)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
		list = append(list, batch.Column{Name: strings.Trim(name, `"`), Type: t})
	}
	return batch.NewSchema(list), nil
}

func inOrder(record map[string]any) []any {
	values := make([]any, len(fields))
	for i, name := range fields {
		values[i] = record[name]
	}
	return values
}

func newJSON(texts [][]byte, schema *batch.Schema) *format {
	return &format{
		name: "JSON", reader: "encoding/json into a map", records: texts, decoder: decode.NewJSON(schema, decode.Limits{}),
		generic: func(record []byte) ([]any, error) {
			var v map[string]any
			err := json.Unmarshal(record, &v)
			return inOrder(v), err
		},
	}
}

func newCSV(list []click, schema *batch.Schema) *format {
	f := &format{
		name: "CSV", reader: "encoding/csv into strings", decoder: decode.NewCSV(schema, decode.CSVOptions{}, decode.Limits{}),
		generic: func(record []byte) ([]any, error) {
			texts, err := csv.NewReader(bytes.NewReader(record)).Read()
			values := make([]any, len(texts))
			for i, text := range texts {
				values[i] = text
			}
			return values, err
		},
	}
	for _, c := range list {
		f.records = append(f.records, fmt.Appendf(nil, "%d,%s,%s,%s,%s,%d,%d,%.2f,%d,%t",
			c.ID, c.TS.Format("2006-01-02T15:04:05.000Z"), c.User, c.Page, c.Country, c.Duration, c.Bytes, c.Price, c.Status, c.Cached))
	}
	return f
}

func newAvro(list []click, schema *batch.Schema) (*format, error) {
	parsed, err := avro.ParseSchema(avroSchema)
	if err != nil {
		return nil, err
	}
	d, err := avro.Compile(parsed, schema, decode.Limits{})
	if err != nil {
		return nil, err
	}
	library, err := avrolib.Parse(avroSchema)
	if err != nil {
		return nil, err
	}
	f := &format{
		name: "Avro", reader: "twmb/avro into a map", decoder: d,
		generic: func(record []byte) ([]any, error) {
			var v any
			_, err := library.Decode(record, &v)
			values, _ := v.(map[string]any)
			return inOrder(values), err
		},
	}
	for _, c := range list {
		record, err := library.Encode(map[string]any{
			"id": c.ID, "ts": c.TS, "user": c.User, "page": c.Page, "country": c.Country, "duration_ms": c.Duration,
			"bytes": c.Bytes, "price": c.Price, "status": c.Status, "cached": c.Cached,
		})
		if err != nil {
			return nil, fmt.Errorf("write Avro: %w", err)
		}
		f.records = append(f.records, record)
	}
	return f, nil
}

func newProtobuf(list []click, schema *batch.Schema) (*format, error) {
	parsed, err := protobuf.ParseSchema(protoSchema, func(string) (string, error) { return "", fs.ErrNotExist })
	if err != nil {
		return nil, err
	}
	message, err := parsed.Named("Click")
	if err != nil {
		return nil, err
	}
	d, err := protobuf.Compile(parsed, message, schema, decode.Limits{})
	if err != nil {
		return nil, err
	}
	descriptor, err := clickDescriptor()
	if err != nil {
		return nil, err
	}
	f := &format{
		name: "Protobuf", reader: "dynamicpb", decoder: d,
		generic: func(record []byte) ([]any, error) {
			m := dynamicpb.NewMessage(descriptor)
			err := proto.Unmarshal(record, m)
			values := make([]any, len(fields))
			for i := range values {
				values[i] = m.Get(descriptor.Fields().Get(i)).Interface()
			}
			return values, err
		},
	}
	for _, c := range list {
		f.records = append(f.records, appendProtobuf(nil, &c))
	}
	return f, nil
}

// appendProtobuf writes a click as the generated code of a language would: fields
// in their order, none that has the value it has anyway.
func appendProtobuf(b []byte, c *click) []byte {
	varint := func(number int, v uint64) {
		if v != 0 {
			b = binary.AppendUvarint(append(b, byte(number<<3)), v)
		}
	}
	text := func(number int, v string) {
		b = append(binary.AppendUvarint(append(b, byte(number<<3|2)), uint64(len(v))), v...)
	}
	varint(1, uint64(c.ID))
	ts := binary.AppendUvarint([]byte{1 << 3}, uint64(c.TS.Unix()))
	if nanos := c.TS.Nanosecond(); nanos > 0 {
		ts = binary.AppendUvarint(append(ts, 2<<3), uint64(nanos))
	}
	text(2, string(ts))
	text(3, c.User)
	text(4, c.Page)
	text(5, c.Country)
	varint(6, uint64(c.Duration))
	varint(7, uint64(c.Bytes))
	b = binary.LittleEndian.AppendUint64(append(b, 8<<3|1), math.Float64bits(c.Price))
	varint(9, uint64(c.Status))
	if c.Cached {
		varint(10, 1)
	}
	return b
}
