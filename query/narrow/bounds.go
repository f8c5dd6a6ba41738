package narrow

import (
	"context"
	"math"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
)

// bounds returns, for each source whose every mention has a condition on its event
// time, between which microseconds that must be.
func (f *Finder) bounds(ctx context.Context) (map[string][2]int64, error) {
	perRef := make(map[int][2]int64)
	for _, b := range f.Reads.TimeBounds {
		t, worth := f.eventTime(f.Reads.Relations[b.Ref].Name)
		if !worth {
			continue
		}
		value, ok, err := f.time(ctx, b.Operand, t, manyGroups)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		bound, seen := perRef[b.Ref]
		if !seen {
			bound = everything
		}
		bound[0], bound[1] = narrowed(bound[0], bound[1], b.Op, value)
		perRef[b.Ref] = bound
	}
	if len(perRef) == 0 {
		return nil, nil
	}
	out := make(map[string][2]int64)
	for i, ref := range f.Reads.Relations {
		bound, ok := perRef[i]
		if !ok {
			bound = everything
		}
		if held, seen := out[ref.Name]; seen {
			bound = [2]int64{min(held[0], bound[0]), max(held[1], bound[1])}
		}
		out[ref.Name] = bound
	}
	for name, b := range out {
		if b == everything {
			delete(out, name)
		}
	}
	return out, nil
}

// everything is an interval without ends.
var everything = [2]int64{math.MinInt64, math.MaxInt64}

// skipSegments is from how many hot batches on it pays to evaluate bounds.
const skipSegments = 8

// eventTime returns the type of a source's event time, if its bounds are worth while.
func (f *Finder) eventTime(source string) (t batch.Type, ok bool) {
	def, ok := f.Definition(source).(*catalog.SourceDefinition)
	if !ok || f.Read.HotSegments(source) < skipSegments {
		return t, false
	}
	schema := def.Schema()
	return schema.Columns[schema.Index(def.EventTime)].Type, true
}
