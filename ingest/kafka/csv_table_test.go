package kafka

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
)

func tableSpec(t *testing.T) source.Spec {
	return source.Spec{
		Schema: batch.NewSchema(batchtest.Columns(t, "id BIGINT", "name VARCHAR", "price DOUBLE")), Alloc: batch.NewAllocator(),
		Included: []source.Included{{Column: batchtest.Columns(t, "trace BIGINT")[0], Part: source.Header, PartName: "trace"}},
	}
}

// tables puts records into a batch, one behind the other, and returns its rows with
// their offsets, and what was rejected.
func tables(t *testing.T, o decode.CSVOptions, records ...*kgo.Record) (rows, rejected []string) {
	t.Helper()
	spec := tableSpec(t)
	b := newBatcher(Options{}.withDefaults(), spec, nil)
	b.table = newCSVTable(spec, o)
	b.open(newPartition(0), int64(len(records)))
	for i, r := range records {
		r.Offset = int64(i)
		b.add(r)
		b.advance(r.Offset+1, 0)
	}
	out := b.flush()
	defer out.Release()
	if err := out.Validate(); err != nil {
		t.Fatal(err)
	}
	for i := range out.Rows() {
		var values []string
		for _, c := range []int{5, 0, 1, 2, 3} {
			values = append(values, batchtest.Show(out.Record.Column(c), i))
		}
		rows = append(rows, strings.Join(values, "|"))
	}
	for _, x := range out.Rejected {
		rejected = append(rejected, fmt.Sprintf("%d %q: %s", x.Offset, x.Value, x.Error))
	}
	return rows, rejected
}

// TestCSVTables reads records that are small files: rows have the offset of their
// record, and what is wrong with one line takes no other with it.
func TestCSVTables(t *testing.T) {
	text := func(value string) *kgo.Record { return &kgo.Record{Value: []byte(value)} }
	rows, rejected := tables(t, decode.CSVOptions{Delimiter: ',', Quote: '"'},
		text("id,name,price\n1,ann,1.5\n2,\"b,\nob\",\n"),
		text("id,name,price\n3,cy,3"),
		text("price,ID\r\n4.5,4\r\n\r\n5.5,5\r\n"), // others, in another order
		text("id,name,price\n6,di\n7,eve,x\n8,fay,8\n9,\"gus,9\n"),
		text("\ufeffname\n\n"), text("id"), text(""), &kgo.Record{},
		text("id,color\n1,red\n"), text("id,id\n1,2"), text("id,\"name\n1,a"), text("id\n\xff\n10"),
		&kgo.Record{Value: []byte("id\n11\n12"), Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("7")}}},
		&kgo.Record{Value: []byte("id\n13\n"), Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("no")}}},
		text("id,name,price\n14,,"))
	if diff := cmp.Diff([]string{
		"0|1|ann|1.5|NULL", "0|2|b,\nob|NULL|NULL", "1|3|cy|3|NULL", "2|4|NULL|4.5|NULL", "2|5|NULL|5.5|NULL", "3|8|fay|8|NULL", "11|10|NULL|NULL|NULL",
		"12|11|NULL|NULL|7", "12|12|NULL|NULL|7", "14|14|NULL|NULL|NULL",
	}, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		`3 "6,di": 2 fields, the source has 3 columns`, `3 "7,eve,x": column "price": "x" is not a DOUBLE, at byte 6`, `3 "9,\"gus,9": the quote at byte 2 is not closed`,
		`4 "\ufeffname\n\n": there is no line of values behind the line of names`, `5 "id": there is no line of values behind the line of names`,
		`6 "": the record is empty: its first line must name the columns`, `7 "": the record has no value (a tombstone)`,
		`8 "id,color\n1,red\n": the first line names column "color", which the source does not have`, `9 "id,id\n1,2": the first line names column "id" twice`,
		`10 "id,\"name\n1,a": the line of names: the quote at byte 3 is not closed`, `11 "\xff": invalid UTF-8 at byte 0: 0xff`,
		`13 "13": header: column "trace": "no" is not a BIGINT, at byte 0`,
	}, rejected); diff != "" {
		t.Errorf("rejected (-want +got):\n%s", diff)
	}
}

// TestCSVTableThatIsTooLarge is rejected as a whole: each row has the record's key
// beside it.
func TestCSVTableThatIsTooLarge(t *testing.T) {
	rows, rejected := tables(t, decode.CSVOptions{Delimiter: ','},
		&kgo.Record{Value: []byte("id\nx\n1\n")},
		&kgo.Record{Key: make([]byte, 1<<20), Value: []byte("id\nx\n" + strings.Repeat("2\n", 300))},
		&kgo.Record{Value: []byte("id\n3\n")})
	if len(rows) != 2 || len(rejected) != 2 || !strings.HasSuffix(rejected[1], "take more than 256 MiB") {
		t.Errorf("%d rows, rejected %.200q", len(rows), rejected)
	}
}

// FuzzCSVTable looks for records that break the batch that they are read into.
func FuzzCSVTable(f *testing.F) {
	f.Add([]byte("id,name,price\n1,ann,1.5\n2,\"b,\nob\",\n"), byte('"'))
	f.Add([]byte("price\r\n\r\n1\r\n"), byte(0))
	f.Add([]byte("id\n\"1\n"), byte('"'))
	f.Fuzz(func(t *testing.T, value []byte, quote byte) {
		defer batchtest.MustEnd()()
		if quote != 0 && quote != '"' && quote != '\'' && quote != '|' { // not a letter of the record between
			return
		}
		record := func() *kgo.Record { return &kgo.Record{Value: value} }
		rows, rejected := tables(t, decode.CSVOptions{Delimiter: ',', Quote: quote}, record(), &kgo.Record{Value: []byte("id\n5")}, record())
		if len(rows) == 0 || len(rows)%2 != 1 || len(rejected)%2 != 0 || len(rows)+len(rejected) < 3 {
			t.Errorf("rows %q, rejected %q", rows, rejected)
		}
	})
}
