package rowchange

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
)

// Records are put together up to so many rows and bytes.
const (
	mergeRows  = 1 << 16
	mergeBytes = 16 << 20
)

// appendRecord appends a record, which it takes over, to a list; nil and one
// without rows are nothing. Small neighbours become one: a transaction of many
// small statements has few records, and each row is copied a few times only.
func (s *Set) appendRecord(list []arrow.RecordBatch, rec arrow.RecordBatch) []arrow.RecordBatch {
	if rec == nil {
		return list
	}
	if rec.NumRows() == 0 {
		rec.Release()
		return list
	}
	for n := len(list); n > 0; n = len(list) {
		last := list[n-1]
		if last.NumRows() > 2*rec.NumRows() || last.NumRows()+rec.NumRows() > mergeRows ||
			byteCount([]arrow.RecordBatch{last, rec}) > mergeBytes {
			break
		}
		merged, err := concatenated(s.mem, last, rec)
		if err != nil { // a type that can't be put together stays apart
			break
		}
		last.Release()
		rec.Release()
		list, rec = list[:n-1], merged
	}
	return append(list, rec)
}

func concatenated(mem *batch.Allocator, a, b arrow.RecordBatch) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, 0, a.NumCols())
	defer func() { releaseArrays(columns) }()
	for i := range int(a.NumCols()) {
		column, err := array.Concatenate([]arrow.Array{a.Column(i), b.Column(i)}, mem)
		if err != nil {
			return nil, err
		}
		columns = append(columns, column)
	}
	return array.NewRecordBatch(a.Schema(), columns, a.NumRows()+b.NumRows()), nil
}

func releaseArrays(list []arrow.Array) {
	for _, a := range list {
		a.Release()
	}
}

// numbered puts ids from first on in front of rows.
func numbered(mem *batch.Allocator, d *catalog.TableDefinition, rec arrow.RecordBatch, first int64) arrow.RecordBatch {
	b := array.NewInt64Builder(mem)
	defer b.Release()
	b.Reserve(int(rec.NumRows()))
	for i := range rec.NumRows() {
		b.UnsafeAppend(first + i)
	}
	ids := b.NewArray()
	defer ids.Release()
	columns := append([]arrow.Array{ids}, rec.Columns()...)
	return array.NewRecordBatch(rowSchema(d).Arrow(), columns, rec.NumRows())
}

// withoutIDs is own rows without their ids.
func withoutIDs(d *catalog.TableDefinition, rec arrow.RecordBatch) arrow.RecordBatch {
	return array.NewRecordBatch(d.Schema().Arrow(), rec.Columns()[1:], rec.NumRows())
}

// splitIDs tells the ids of rows in the file from those of own rows.
func splitIDs(mem *batch.Allocator, d *catalog.TableDefinition, ids arrow.Array) (file, own arrow.RecordBatch) {
	schema := d.UpdateSchema(nil)
	f, o := batch.NewBuilder(mem, schema), batch.NewBuilder(mem, schema)
	defer f.Release()
	defer o.Release()
	for _, id := range ids.(*array.Int64).Int64Values() {
		if id < firstOwn {
			f.Column(0).AppendInt64(id)
		} else {
			o.Column(0).AppendInt64(id)
		}
	}
	return f.Finish(), o.Finish()
}

// oneRow is a record of one id.
func oneRow(mem *batch.Allocator, d *catalog.TableDefinition) arrow.RecordBatch {
	b := batch.NewBuilder(mem, d.UpdateSchema(nil))
	defer b.Release()
	b.Column(0).AppendInt64(0)
	return b.Finish()
}
