package decode

import (
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

// FuzzJSON decodes a record into a column of every type, behind a row that is
// there already. Whatever the record is, all columns keep one length, which
// grows by one if and only if the record is accepted.
func FuzzJSON(f *testing.F) {
	var columns []batch.Column
	for i, tt := range typeCases {
		typ, err := batch.ParseType(tt.typ)
		if err != nil {
			f.Fatal(err)
		}
		name := string(rune('a' + i))
		columns = append(columns, batch.Column{Name: name, Type: typ})
		for _, c := range tt.cases {
			f.Add([]byte(`{"` + name + `":` + c[0] + `}`))
		}
	}
	for _, typ := range []string{"STRUCT(a BIGINT, b VARCHAR[], c STRUCT(d DATE, e JSON))", "MAP(VARCHAR, STRUCT(x DOUBLE, y INT[][])[])", "MAP(DATE, UUID)"} {
		name := "nested" + string(rune('0'+len(columns)%10))
		columns = append(columns, batchtest.Columns(f, name+" "+typ)...)
		f.Add([]byte(`{"` + name + `":{"a":1,"b":["x",null],"c":{"d":"2024-02-29","e":[1]}}}`))
		f.Add([]byte(`{"` + name + `":{"k":[{"x":1.5,"y":[[1],null]}],"k":[]}}`))
		f.Add([]byte(`{"` + name + `":{"2024-02-29":null}}`))
	}
	f.Add([]byte("\xef\xbb\xbf{\"A\":[{\"x\":\"\\ud834\\udd1e\"}],\"\\u0061\":true}"))
	schema := batch.NewSchema(columns)
	d := NewJSON(schema, Limits{MaxBytes: 4096, MaxDepth: 8, MaxFields: 50})
	f.Fuzz(func(t *testing.T, record []byte) {
		defer batchtest.MustEnd()()
		b := batchtest.NewBuilder(t, schema)
		if err := d.Decode([]byte("{}"), b); err != nil {
			t.Fatal(err)
		}
		want := 1
		before := b.Bytes()
		err := d.Decode(record, b)
		if err == nil {
			want = 2
			if !wantAccepted(record) {
				t.Errorf("accepted %q", record)
			}
		} else if b.Bytes() != before {
			t.Errorf("rejected %q (%v), but %d bytes became %d", record, err, before, b.Bytes())
		}
		for i := range columns {
			if n := b.Column(i).Len(); n != want {
				t.Errorf("%q: column %d has %d values, want %d (%v)", record, i, n, want, err)
			}
		}
		rec := b.Finish()
		defer rec.Release()
		for i, col := range rec.Columns() {
			_ = batchtest.ShowNested(col, want-1)
			if !col.IsNull(0) {
				t.Errorf("%q: column %d changed in the row before", record, i)
			}
		}
	})
}
