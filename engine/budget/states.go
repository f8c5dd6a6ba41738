package budget

import "fmt"

// States bounds what the states of views take: of each, and of all together. It is not
// safe for concurrent use.
type States struct {
	// Each is the most bytes of one state, and All those of all; 0: no limit.
	Each, All int64

	// allowed is what they may have together now: at first three quarters of All, and three quarters of
	// what is left whenever a view is stopped. It keeps its state, and the others are to have room.
	allowed int64
	// before are the sizes when half of All was full, or when a view was stopped last; nil: less is full.
	before map[string]int64
}

// State is what a view's state takes.
type State struct {
	View  string
	Bytes int64
	// Stops says that the view can be stopped, and is not.
	Stops bool
}

// Outgrown is a view that is to stop growing.
type Outgrown struct{ View, Reason string }

// Outgrown returns the views that are to be stopped: those that are larger than one may be, and, when all
// together are too large, the one that has grown most since half was full.
func (s *States) Outgrown(states []State) (list []Outgrown) {
	total := int64(0)
	for _, v := range states {
		total += v.Bytes
		if v.Stops && s.Each > 0 && v.Bytes > s.Each {
			list = append(list, Outgrown{v.View, fmt.Sprintf("its state of %d MiB is above the limit of %d MiB for a view: raise view_memory or make its windows shorter", v.Bytes>>20, s.Each>>20)})
		}
	}
	switch {
	case s.All == 0 || total <= s.All/2:
		s.before = nil // nothing is short
		return list
	case s.before == nil:
		s.allowed = s.All / 4 * 3
		if total > s.allowed { // since the start
			s.stretch(total)
		}
		s.remember(states)
	}
	if len(list) > 0 || total <= s.allowed {
		return list
	}
	var most State
	for _, v := range states {
		if v.Bytes -= s.before[v.View]; v.Stops && v.Bytes > most.Bytes {
			most = v
		}
	}
	if most.View == "" {
		return nil
	}
	s.stretch(s.allowed)
	s.remember(states)
	return []Outgrown{{most.View, fmt.Sprintf("the states of all views take %d MiB of the %d MiB that process_memory leaves for them, and this one has grown most: raise process_memory or make its windows shorter", total>>20, s.All>>20)}}
}

// stretch allows three quarters of what is left above a size.
func (s *States) stretch(from int64) { s.allowed = from + max(0, s.All-from)/4*3 }

func (s *States) remember(states []State) {
	s.before = make(map[string]int64, len(states))
	for _, v := range states {
		s.before[v.View] = v.Bytes
	}
}
