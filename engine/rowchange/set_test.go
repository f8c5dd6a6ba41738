package rowchange

import (
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
)

var items = &catalog.TableDefinition{Name: "items", Columns: []catalog.TableColumn{
	{Name: "id", Type: batch.Type{Kind: batch.BigInt}}, {Name: "name", Type: batch.Type{Kind: batch.Varchar}},
}}

func rowsOf(mem *batch.Allocator, schema *batch.Schema, ids ...int64) arrow.RecordBatch {
	b := batch.NewBuilder(mem, schema)
	defer b.Release()
	for _, id := range ids {
		b.Column(0).AppendInt64(id)
		for i := 1; i < len(schema.Columns); i++ {
			b.Column(i).AppendString("x")
		}
	}
	return b.Finish()
}

func idsOf(list []arrow.RecordBatch, column int) (ids []int64) {
	for _, rec := range list {
		ids = append(ids, rec.Column(column).(*array.Int64).Int64Values()...)
	}
	return ids
}

// insert lays rows over the set as Apply does that checks rules first.
func (s *Set) insert(ids ...int64) {
	rec := rowsOf(s.mem, items.Schema(), ids...)
	defer rec.Release()
	if s.tables[items.Name] == nil {
		s.tables[items.Name] = &pending{def: items, next: firstOwn}
	}
	s.add(s.tables[items.Name], rec)
}

func TestManySmallChangesAreFewRecords(t *testing.T) {
	mem := batch.NewAllocator()
	s := NewSet(mem)
	var want []int64
	for i := range int64(5000) {
		s.insert(i)
		want = append(want, i)
	}
	p := s.tables[items.Name]
	if n := len(p.added); n > 20 {
		t.Errorf("5000 rows that came one by one are in %d records", n)
	}
	if !slices.Equal(idsOf(p.added, 1), want) {
		t.Error("rows are not in the order in which they came")
	}
	own := idsOf(p.added, 0)
	if own[0] != firstOwn || own[4999] != firstOwn+4999 {
		t.Errorf("own rows have the ids %d to %d", own[0], own[4999])
	}
	s.Release()
	if n := mem.Bytes(); n != 0 {
		t.Errorf("%d bytes are still allocated", n)
	}
}

func TestSavepointsShareRows(t *testing.T) {
	mem := batch.NewAllocator()
	s := NewSet(mem)
	s.insert(1, 2, 3)
	before := mem.Bytes()
	saved := s.Clone()
	if mem.Bytes() != before {
		t.Errorf("a savepoint took %d bytes", mem.Bytes()-before)
	}
	s.insert(4)
	p := s.tables[items.Name]
	gone := rowsOf(mem, items.UpdateSchema(nil), 77, firstOwn+1)
	s.drop(p, gone)
	gone.Release()
	if got := idsOf(p.removed, 0); !slices.Equal(got, []int64{77}) {
		t.Errorf("of the file's rows %v have gone", got)
	}
	if got := idsOf(p.withdrawn, 0); !slices.Equal(got, []int64{firstOwn + 1}) {
		t.Errorf("of the own rows %v have gone", got)
	}
	for range 2 { // a savepoint stays
		s.Restore(saved)
		s.insert(5)
		if got := idsOf(s.tables[items.Name].added, 1); !slices.Equal(got, []int64{1, 2, 3, 5}) {
			t.Errorf("after ROLLBACK TO and an INSERT there are %v", got)
		}
		if len(s.tables[items.Name].removed) != 0 {
			t.Error("what went after the savepoint has not come back")
		}
	}
	s.Restore(nil)
	if len(s.Tables()) != 0 {
		t.Errorf("nothing was changed at the savepoint, but %v", s.Tables())
	}
	s.Release()
	saved.Release()
	(*Set)(nil).Release()
	if n := mem.Bytes(); n != 0 {
		t.Errorf("%d bytes are still allocated", n)
	}
}
