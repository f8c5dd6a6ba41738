package duck

import "github.com/millstream-db/millstream/engine/batch"

// StateLayout returns how values of t lie in a view's state pages: as in a
// batch, but booleans a byte each and strings as DuckDB's handles.
func StateLayout(t batch.Type) Layout {
	if t.Physical() == batch.Bytes {
		return LayoutStringHandle
	}
	return fixedLayout(t)
}
