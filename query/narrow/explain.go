package narrow

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
)

// Explain is Narrow for a query without parameters, and says in words how the read
// is narrowed, a row for each view and kind.
func (f *Finder) Explain(ctx context.Context) (rows [][]string, err error) {
	needs, err := f.narrow(ctx, false)
	for ref, r := range f.Reads.Relations {
		n := needs[r.Name]
		s, _ := f.shape(ref)
		if n == nil || s == nil {
			continue
		}
		say := func(format string, args ...any) {
			rows = append(rows, []string{fmt.Sprintf("In memory, of %s: ", r.Name) + fmt.Sprintf(format, args...)})
		}
		if n.Low > math.MinInt64 || n.High < math.MaxInt64 {
			say("windows that begin %s", interval(n.Low, n.High))
		}
		switch {
		case len(n.Keys) > 0:
			keys, values := s.given(n.Keys)
			if len(keys) == len(s.def.Plan.Keys) && s.def.Plan.GroupingSets == nil {
				say("groups looked up by %s, for %d values", strings.Join(keys, ", "), values)
			} else {
				say("groups that have the given values of %s", strings.Join(keys, ", "))
			}
		case n.Top != nil:
			order := ""
			if n.Top.Desc {
				order = " DESC"
			}
			say("groups that can be among the first %d by %s%s", n.Top.Rows, s.named(n.Top.Column), order)
		}
	}
	return rows, err
}

// given returns the columns of keys that are given, and how many combinations of
// values they have.
func (s *Shape) given(needs []view.KeyNeed) (keys []string, values int) {
	values = 1
	for _, n := range needs {
		name := ""
		for _, column := range s.Keys {
			if s.state[column].key == n.Key {
				name = column
			}
		}
		if !slices.Contains(keys, name) {
			keys = append(keys, name)
			values *= len(n.Values)
		}
	}
	return keys, values
}

// named returns the column of the view that a column of the state is.
func (s *Shape) named(index int) string {
	for _, column := range s.Orders {
		if s.state[column].index == index {
			return column
		}
	}
	return ""
}

func interval(low, high int64) string {
	at := func(micros int64) string { return time.UnixMicro(micros).UTC().Format("2006-01-02 15:04:05.999999Z07") }
	switch {
	case low > high:
		return "never"
	case low == high:
		return "at " + at(low)
	case high > batch.MaxMicros:
		return "from " + at(low) + " on"
	case low < batch.MinMicros:
		return "until " + at(high)
	}
	return "from " + at(low) + " until " + at(high)
}
