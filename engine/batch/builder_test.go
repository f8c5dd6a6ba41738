package batch

import (
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
)

func TestBuilderMakesArrowColumns(t *testing.T) {
	mem := NewAllocator()
	b := NewBuilder(mem, NewSchema([]Column{
		{"flag", Type{Kind: Boolean}}, {"n", Type{Kind: BigInt}}, {"s", Type{Kind: Varchar}},
		{"amount", Type{Kind: Decimal, Precision: 12, Scale: 2}}, {"id", Type{Kind: UUID}}, {"gap", Type{Kind: Interval}},
	}))
	for round := range 3 {
		for i := range 100 {
			if i%7 == 3 {
				for c := range 6 {
					b.Column(c).AppendNull()
				}
				continue
			}
			b.Column(0).AppendBool(i%2 == 0)
			b.Column(1).AppendInt64(int64(i))
			b.Column(2).AppendString(fmt.Sprint("row ", i))
			b.Column(3).AppendInt64(int64(i) * 100)
			b.Column(4).AppendUUID(UUIDValue{15: byte(i)})
			b.Column(5).AppendInterval(IntervalValue{Days: int32(i), Micros: 5})
		}
		b.Column(0).AppendBool(true) // a row that fails halfway
		b.Column(1).AppendNull()
		b.Column(2).AppendString("lost")
		b.Truncate(100)
		rec := b.Finish()
		if rec.NumRows() != 100 {
			t.Fatalf("round %d: %d rows, want 100", round, rec.NumRows())
		}
		for _, i := range []int{0, 1, 50, 99} {
			if got, want := rec.Column(2).(*array.String).Value(i), fmt.Sprint("row ", i); got != want {
				t.Errorf("s[%d] = %q, want %q", i, got, want)
			}
			if got := rec.Column(0).(*array.Boolean).Value(i); got != (i%2 == 0) {
				t.Errorf("flag[%d] = %v", i, got)
			}
		}
		for c, col := range rec.Columns() {
			if !col.IsNull(3) || col.NullN() != 14 {
				t.Errorf("column %d: NULL at 3 is %v, %d NULLs, want 14", c, col.IsNull(3), col.NullN())
			}
		}
		rec.Release()
	}
	b.Release()
	if mem.Bytes() != 0 {
		t.Errorf("%d bytes leaked", mem.Bytes())
	}
}

func TestParseType(t *testing.T) {
	for name, want := range map[string]string{
		"int": "INTEGER", "Double  Precision": "DOUBLE", "numeric(12,2)": "DECIMAL(12,2)", "decimal": "DECIMAL(18,3)",
		"varchar(20)": "VARCHAR", "timestamptz": "TIMESTAMP WITH TIME ZONE", "text[]": "VARCHAR[]", "struct(a int)": `STRUCT("a" INTEGER)`,
		"timestamp without time zone": "TIMESTAMP", "bytea": "BLOB",
	} {
		got, err := ParseType(name)
		if err != nil || got.String() != want {
			t.Errorf("ParseType(%q) = %v, %v; want %s", name, got, err, want)
		}
	}
	for _, name := range []string{"", "widget", "decimal(40,1)", "decimal(5,6)", "int(3)"} {
		if got, err := ParseType(name); err == nil {
			t.Errorf("ParseType(%q) = %v, want an error", name, got)
		}
	}
}
