package avro

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	avrolib "github.com/twmb/avro"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

// proposed shows the columns for a schema that a table lacks.
func proposed(t *testing.T, text string, table ...string) string {
	t.Helper()
	s, err := ParseSchema(text)
	if err != nil {
		t.Fatal(err)
	}
	p := decode.ProposalFor(columnsOf(t, table...))
	Propose(s, columnsOf(t, table...), p)
	var b strings.Builder
	for _, c := range p.Columns {
		fmt.Fprintf(&b, "%s %s; ", c.Name, c.Type)
	}
	for _, o := range p.Omitted {
		fmt.Fprintf(&b, "%s: %s; ", o.Field, o.Why)
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestProposedColumns(t *testing.T) {
	t.Parallel()
	for typ, want := range map[string]string{
		`"boolean"`: "BOOLEAN", `"int"`: "INTEGER", `"long"`: "BIGINT", `"float"`: "FLOAT", `"double"`: "DOUBLE",
		`"string"`: "VARCHAR", `"bytes"`: "BLOB", `{"type":"fixed","name":"F","size":3}`: "BLOB", `{"type":"enum","name":"E","symbols":["A"]}`: "VARCHAR",
		`{"type":"int","logicalType":"date"}`: "DATE", `{"type":"int","logicalType":"time-millis"}`: "TIME",
		`{"type":"long","logicalType":"timestamp-nanos"}`: "TIMESTAMP WITH TIME ZONE", `{"type":"long","logicalType":"local-timestamp-millis"}`: "TIMESTAMP",
		`{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}`: "DECIMAL(12,2)",
		`{"type":"bytes","logicalType":"decimal","precision":50,"scale":2}`: "JSON",
		`{"type":"string","logicalType":"uuid"}`:                            "UUID", `{"type":"fixed","name":"D","size":12,"logicalType":"duration"}`: "INTERVAL",
		`["null","string"]`: "VARCHAR", `["null",{"type":"long","logicalType":"timestamp-millis"}]`: "TIMESTAMP WITH TIME ZONE",
		`["int","long"]`: "BIGINT", `["int","null","double"]`: "DOUBLE", `["long","string"]`: "VARCHAR", `["boolean","string"]`: "VARCHAR",
		`[{"type":"array","items":"int"},"string"]`: "JSON", `{"type":"map","values":["null","int"]}`: "MAP(VARCHAR, INTEGER)",
		`["null",{"type":"array","items":["null","Root"]}]`:                                           "JSON", // which contains the record itself
		`{"type":"record","name":"R","fields":[{"name":"next","type":["null","Root"]}]}`:              "JSON",
		`{"type":"record","name":"R","fields":[{"name":"next","type":["null","R"]}]}`:                 "JSON",
		`{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"A","type":"int"}]}`: "JSON",
		`{"type":"record","name":"R","fields":[]}`:                                                    "JSON", `{"type":"record","name":"R","fields":[{"name":"n","type":"null"}]}`: "JSON",
		`{"type":"array","items":"null"}`: "JSON", `[{"type":"array","items":"int"},{"type":"map","values":"int"},"null"]`: "JSON",
		`["null",{"type":"record","name":"R","fields":[{"name":"Total","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
			{"name":"none","type":"null"},{"name":"lines","type":{"type":"array","items":{"type":"record","name":"L","fields":[
				{"name":"sku","type":"string"},{"name":"tags","type":{"type":"map","values":["int","string"]}},{"name":"either","type":[{"type":"array","items":"int"},"string"]},{"name":"tree","type":
					{"type":"record","name":"T","fields":[{"name":"children","type":{"type":"array","items":"T"}}]}}]}}}]}]`: `STRUCT("Total" DECIMAL(12,2), "lines" STRUCT("sku" VARCHAR, "tags" MAP(VARCHAR, VARCHAR), "either" JSON, "tree" JSON)[])`,
		strings.Repeat(`{"type":"array","items":`, 18) + `"int"` + strings.Repeat("}", 18): "JSON" + strings.Repeat("[]", batch.NestedDepthMax),
	} {
		if got := proposed(t, `{"type":"record","name":"Root","fields":[{"name":"f","type":`+typ+`}]}`); got != "f "+want {
			t.Errorf("%s: %s, want %s", typ, got, want)
		}
	}
	long := strings.Repeat("x", 64)
	schema := recordOf(`{"name":"id","type":"int"},{"name":"ID","type":"int"},{"name":"_Key","type":"int"},{"name":"` + long + `","type":"int"},
		{"name":"nothing","type":"null"},{"name":"only","type":["null"]},{"name":"new","aliases":["old"],"type":"string"},{"name":"select","type":"int"}`)
	if got, want := proposed(t, schema), `id INTEGER; new VARCHAR; select INTEGER; ID: its name differs from "id" in letter case only; `+
		`_Key: every source has a column _key of its own; `+long+`: its name is longer than 63 bytes; nothing: it is always null; only: it is always null`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := proposed(t, recordOf(`{"name":"id","type":"int"},{"name":"new","aliases":["old"],"type":"string"},{"name":"more","type":"int"}`), "ID INT", "old VARCHAR"); got != "more INTEGER" {
		t.Errorf("besides a table's columns: %s", got)
	}
}

// TestProposedColumnsTakeEveryRecord writes random records of random schemas, and
// reads them into the columns that are proposed.
func TestProposedColumnsTakeEveryRecord(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 11))
		names := 0
		record := written{form: "record", name: "Root"}
		for range 1 + r.IntN(8) {
			record.fields = append(record.fields, randomType(r, 3, &names))
		}
		text, _ := json.Marshal(record.schema())
		s, err := ParseSchema(string(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var p decode.Proposal
		Propose(s, batch.NewSchema(nil), &p)
		if len(p.Columns)+len(p.Omitted) != len(record.fields) {
			t.Fatalf("%s: %d columns and %d without", text, len(p.Columns), len(p.Omitted))
		}
		if len(p.Columns) == 0 {
			continue
		}
		table := batch.NewSchema(p.Columns)
		d, err := Compile(s, table, decode.Limits{})
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, text, err)
		}
		library, b := avrolib.MustParse(string(text)), batchtest.NewBuilder(t, table)
		for range 10 {
			data, err := library.Encode(record.value(r))
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Decode(data, b); err != nil {
				t.Fatalf("seed %d: %s: %v", seed, text, err)
			}
		}
	}
}
