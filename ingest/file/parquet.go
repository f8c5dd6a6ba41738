package file

import (
	"context"

	"github.com/millstream-db/millstream/engine/batch"
)

// groupRows is how many rows DuckDB and most others write into a row group: a
// batch is one, so that no group is unpacked twice.
const groupRows = 122_880

// readParquet reads the rows of a Parquet file from the next one on.
func (r *reader) readParquet(ctx context.Context, f *file, path string) error {
	end, err := r.spec.Parquet.Rows(ctx, path)
	if err != nil {
		return err
	}
	for first := true; first || f.next < end; first = false {
		next := min(end, (f.next/groupRows+1)*groupRows)
		rec, rejected, err := r.spec.Parquet.Read(ctx, path, r.spec.Schema, f.next, next, r.spec.Alloc)
		if err != nil {
			return err
		}
		b := &batch.Batch{Record: rec, Rejected: rejected}
		for i := range rejected {
			rejected[i].Offset -= f.next
			b.Bytes += int64(len(rejected[i].Value) + len(rejected[i].Error) + 64)
		}
		for _, c := range rec.Columns() {
			b.Bytes += int64(c.Data().SizeInBytes())
		}
		if err := unchanged(f); err != nil { // the rows may be another file's
			b.Release()
			return err
		}
		at := f.Size
		if end > 0 {
			at = int64(float64(f.Size) * float64(next) / float64(end)) // for who wants to see it grow
		}
		if err := r.deliver(ctx, f, b, at, end); err != nil {
			return err
		}
	}
	return nil
}
