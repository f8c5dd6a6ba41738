package enginetest

import "math/rand/v2"

// Focus is what the views of a seed are mostly about. Three eighths of all seeds have none.
// Each of the others leaves most features out, so that what takes several uses of
// one feature, rare among everything else, comes up (swarm testing: Groce, Zhang,
// Eide, Chen, Regehr, ISSTA 2012).
type Focus int

// The focuses.
const (
	Everything Focus = iota
	Panes            // windows that are made of panes
	Sessions
	Expiry  // groups with a TTL
	Streams // views over views
	Lookups // joins with tables that change
	Bags    // aggregates that keep their rows, and no others
)

func newFocus(r *rand.Rand) Focus {
	switch n := r.IntN(8); {
	case n == 0:
		return Bags
	case n%2 == 0:
		return Everything
	}
	return pick(r, Panes, Sessions, Expiry, Streams, Lookups)
}

// focused returns a window that the source's focus asks for, if it does.
func focused(r *rand.Rand, s *Source) (w window, ok bool) {
	if chance(r, 4) {
		return w, false
	}
	switch s.Focus {
	case Panes:
		return pick(r, tumble, hop, hop, cumulate)(r, s), true
	case Sessions:
		return sessions(r, s), true
	case Lookups:
		return sessions(r, s), s.joins.sql != "" && chance(r, 3)
	case Expiry:
		return window{from: s.Name}, true
	case Bags:
		return window{from: s.Name}, chance(r, 2)
	}
	return w, false
}
