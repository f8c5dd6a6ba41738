package avro

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	avrolib "github.com/twmb/avro"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

const fuzzSchema = `{"type":"record","name":"R","fields":[
	{"name":"i","type":"int"},{"name":"s","type":"string"},{"name":"x","type":["null","R"]},
	{"name":"m","type":{"type":"map","values":{"type":"array","items":["null","double","string"]}}},
	{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
	{"name":"skipped","type":{"type":"array","items":["string","long",{"type":"fixed","name":"F","size":3}]}},
	{"name":"nulls","type":{"type":"array","items":"null"}},
	{"name":"t","type":{"type":"long","logicalType":"time-micros"}},
	{"name":"ts","type":["null",{"type":"long","logicalType":"timestamp-millis"}]},
	{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}}]}`

// checker decodes records of fuzzSchema behind a row that is there already.
// Whatever the record is, all columns keep one length, which grows by one if and
// only if the record is accepted; the library accepts what we do; JSON is JSON.
type checker struct {
	table   *batch.Schema
	decoder *Decoder
	second  *avrolib.Schema
}

func newChecker(t testing.TB) checker {
	table := columnsOf(t, "i INTEGER", "s VARCHAR", "x JSON", "m JSON", "d DECIMAL(9,2)", "nulls JSON", "t TIME", "ts TIMESTAMPTZ", "e VARCHAR", "none DATE")
	return checkerOf(t, table)
}

func newNestedChecker(t testing.TB) checker {
	return checkerOf(t, columnsOf(t, "x STRUCT(i BIGINT, x STRUCT(e VARCHAR, ts TIMESTAMPTZ), m MAP(VARCHAR, VARCHAR[]), d DECIMAL(9,2), nulls INT[])",
		"m MAP(VARCHAR, VARCHAR[])", "nulls STRUCT(a INT, b INT)[]", "skipped VARCHAR[]", "s VARCHAR"))
}

func checkerOf(t testing.TB, table *batch.Schema) checker {
	return checker{table, compile(t, fuzzSchema, table, decode.Limits{MaxBytes: 4096, MaxDepth: 8}), avrolib.MustParse(fuzzSchema)}
}

// records are some that are right.
func (c checker) records(t testing.TB) (records [][]byte) {
	whole := map[string]any{
		"i": 1, "s": "text", "x": nil, "m": map[string]any{"k": []any{nil, 1.5, "v"}}, "d": "1.25", "skipped": []any{"a", int64(5)},
		"nulls": []any{nil}, "t": int64(5), "ts": int64(1), "e": "B",
	}
	for range 3 {
		data, err := c.second.Encode(whole)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, data)
		outer := maps.Clone(whole)
		outer["x"] = whole
		whole = outer
	}
	return records
}

func (c checker) check(t *testing.T, record []byte) (accepted bool) {
	name := fmt.Sprintf("%x", record)
	decode := func(b *batch.Builder) error { return c.decoder.Decode(record, b) }
	return nil == batchtest.DecodeRow(t, name, c.table, decode, func(rec arrow.RecordBatch) {
		var v any
		rest, err := c.second.Decode(record, &v)
		if err != nil && (strings.Contains(err.Error(), "zero-byte items exceeds") || strings.Contains(err.Error(), "overflows time.Duration")) {
			return // its own bounds; ours are others
		}
		if err != nil || len(rest) > 0 {
			t.Errorf("accepted %s: %v", name, err)
		}
		for i, column := range c.table.Columns {
			if column.Type.Kind != batch.JSON {
				continue
			}
			if text := batchtest.ShowScaled(rec.Column(i), 1); text != "NULL" && !json.Valid([]byte(text)) {
				t.Errorf("%s: %s is not JSON", name, text)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	c, nested := newChecker(f), newNestedChecker(f)
	for _, record := range c.records(f) {
		f.Add(record)
		f.Add(record[:len(record)-1])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, record []byte) {
		defer batchtest.MustEnd()()
		c.check(t, record)
		nested.check(t, record)
	})
}

// TestDamagedRecords changes, cuts and repeats bytes of good records.
func TestDamagedRecords(t *testing.T) {
	t.Parallel()
	for _, c := range []checker{newChecker(t), newNestedChecker(t)} {
		c.damage(t)
	}
}

func (c checker) damage(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	good, accepted := c.records(t), 0
	const count = 10_000
	for range count {
		if c.check(t, batchtest.Damage(r, good[r.IntN(len(good))])) {
			accepted++
		}
		if t.Failed() {
			return
		}
	}
	if accepted < count/100 || accepted > count*9/10 {
		t.Errorf("%d of %d records were accepted: nothing is tested", accepted, count)
	}
}
