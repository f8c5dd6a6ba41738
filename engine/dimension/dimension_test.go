package dimension

import (
	"errors"
	"math"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/batch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	bigint  = batch.Type{Kind: batch.BigInt}
	varchar = batch.Type{Kind: batch.Varchar}
	double  = batch.Type{Kind: batch.Double}
)

// row is a key of a number and a text, each NULL when nil, and a float.
type row struct {
	Number *int64
	Text   *string
	Float  float64
}

func rows() *rapid.Generator[[]row] {
	number := rapid.Ptr(rapid.Int64Range(-3, 3), true)
	text := rapid.Ptr(rapid.SampledFrom([]string{"", "a", "twelve bytes!", "b"}), true)
	float := rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.NaN(), 1.5, math.Inf(1)})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) row {
		return row{number.Draw(t, "number"), text.Draw(t, "text"), float.Draw(t, "float")}
	}), 0, 60)
}

var keySchema = batch.NewSchema([]batch.Column{{Name: "n", Type: bigint}, {Name: "t", Type: varchar}, {Name: "f", Type: double}, {Name: "place", Type: bigint}})

// record is the rows' keys and their places.
func record(mem *batch.Allocator, list []row, from int) arrow.RecordBatch {
	b := batch.NewBuilder(mem, keySchema)
	for i, r := range list {
		if r.Number == nil {
			b.Column(0).AppendNull()
		} else {
			b.Column(0).AppendInt64(*r.Number)
		}
		if r.Text == nil {
			b.Column(1).AppendNull()
		} else {
			b.Column(1).AppendString(*r.Text)
		}
		b.Column(2).AppendFloat64(r.Float)
		b.Column(3).AppendInt64(int64(from + i))
	}
	return b.Finish()
}

func matches(a, b row) bool {
	same := a.Float == b.Float || math.IsNaN(a.Float) && math.IsNaN(b.Float)
	return a.Number != nil && b.Number != nil && *a.Number == *b.Number && a.Text != nil && b.Text != nil && *a.Text == *b.Text && same
}

// TestLookupIsANestedLoop compares lookups with the definition of a join.
func TestLookupIsANestedLoop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mem := batch.NewAllocator()
		table, input := rows().Draw(t, "table"), rows().Draw(t, "input")
		left := rapid.Bool().Draw(t, "left")
		cut := rapid.IntRange(0, len(table)).Draw(t, "cut")
		c, err := Build(mem, keySchema, 3, func(f func(arrow.RecordBatch) error) error {
			for i, part := range [][]row{table[:cut], table[cut:]} {
				rec := record(mem, part, i*cut)
				err := f(rec)
				rec.Release()
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		rec := record(mem, input, 0)
		keys := make([]batch.Vector, 3)
		for i := range keys {
			keys[i] = batch.VectorOf(rec.Column(i), keySchema.Columns[i].Type)
		}
		most := rapid.IntRange(1, 20).Draw(t, "most")
		var all, m Match
		parts := 0
		for at, more := 0, true; more; more = at < len(input) {
			if at = c.Lookup(keys, at, len(input), most, left, &m); at < len(input) && len(m.Batch) < most {
				t.Fatalf("stopped behind row %d with %d of %d pairs", at-1, len(m.Batch), most)
			}
			if last := len(m.Batch) - 1; last >= most && m.Batch[most-1] != m.Batch[last] {
				t.Fatalf("%d pairs of several rows, %d are the most", len(m.Batch), most)
			}
			all.Batch, all.Table = append(all.Batch, m.Batch...), append(all.Table, m.Table...)
			parts++
		}
		var wantBatch, wantTable []int32
		each := true
		for i, r := range input {
			before := len(wantBatch)
			for j, other := range table {
				if matches(r, other) {
					wantBatch, wantTable = append(wantBatch, int32(i)), append(wantTable, int32(j))
				}
			}
			if left && len(wantBatch) == before {
				wantBatch, wantTable = append(wantBatch, int32(i)), append(wantTable, -1)
			}
			each = each && len(wantBatch) == before+1
		}
		if diff := cmp.Diff(wantBatch, all.Batch); diff != "" {
			t.Error("rows of the batch:", diff)
		}
		if diff := cmp.Diff(wantTable, all.Table); diff != "" {
			t.Error("rows of the table:", diff)
		}
		if m.Each != (each && parts == 1) {
			t.Errorf("each row once: %t, in %d parts", m.Each, parts)
		}
		checkGather(t, mem, c, all.Table)
		rec.Release()
		c.Retain().Release()
		c.Release()
		if n := mem.Bytes(); n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	})
}

// checkGather reads the places of the table's rows back.
func checkGather(t *rapid.T, mem *batch.Allocator, c *Copy, rows []int32) {
	b := batch.NewBuilder(mem, batch.NewSchema(keySchema.Columns[3:]))
	column := Gather(b, c.Column(0), rows)
	defer column.Release()
	v := batch.VectorOf(column, bigint)
	for i, row := range rows {
		switch {
		case row < 0 && !v.Null(i):
			t.Errorf("row %d is not NULL", i)
		case row >= 0 && (v.Null(i) || v.Int64(i) != int64(row)):
			t.Errorf("row %d is not row %d of the table", i, row)
		}
	}
}

func TestFailedScanLeavesNothing(t *testing.T) {
	mem := batch.NewAllocator()
	failed := errors.New("failed")
	one := "x"
	_, err := Build(mem, keySchema, 3, func(f func(arrow.RecordBatch) error) error {
		rec := record(mem, []row{{Text: &one}}, 0)
		defer rec.Release()
		if err := f(rec); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) || mem.Bytes() != 0 {
		t.Errorf("%v, %d bytes", err, mem.Bytes())
	}
}
