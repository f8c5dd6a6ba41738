package view

// AppendOnly reports whether the view has no aggregation: its rows are never
// changed.
func (d *Definition) AppendOnly() bool { return d.Select != nil }

// Passing returns the rows that pass WHERE, for a view without aggregation.
// They are valid until the next call.
func (v *View) Passing(in *Input) []int32 {
	rows := v.rows[:0]
	for i := range int32(in.Rows) {
		rows = append(rows, i)
	}
	v.rows = rows
	if v.def.Where >= 0 {
		rows = filter(rows, &v.def.Exprs[v.def.Where], &in.Exprs[v.def.Where], in.Source)
	}
	return rows
}

// TakeClosed returns the windows that have closed since the last call, nil if
// there are none.
func (v *View) TakeClosed() *Relation {
	r := &Relation{view: v, before: never}
	for _, g := range v.order {
		if g.closed == 0 || g.taken {
			continue
		}
		g.taken = true
		if g.n > 0 {
			g.freeze()
			r.windows = append(r.windows, g.frozen)
		}
	}
	if len(r.windows) == 0 {
		return nil
	}
	return r
}

// ClosedAfter returns the windows that closed after the given epoch.
func (s *Snapshot) ClosedAfter(epoch uint64) *Relation {
	r := &Relation{view: s.view, before: never}
	for _, w := range s.windows {
		if w.closed > epoch {
			r.windows = append(r.windows, w)
		}
	}
	return r
}

// StreamMark returns the watermark of the stream of closed windows: the least
// start that one of those to come can have, or for sessions the least end.
func (v *View) StreamMark() int64 {
	if v.watermark == noTime || v.def.Window == nil {
		return noTime
	}
	reached := noTime // every window that ends by then has closed
	if v.watermark > noTime+v.lateness {
		reached = v.watermark - v.lateness
	}
	if v.sessions != nil || reached == noTime {
		return reached
	}
	least := reached
	v.windows.Of(v.windows.Pane(reached), func(first, after int64) {
		if start, end := v.windows.Bounds(first, after); end > reached {
			least = min(least, start)
		}
	})
	return least
}
