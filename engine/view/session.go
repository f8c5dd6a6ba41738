package view

import (
	"unsafe"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
)

// sessions are the session windows of a view. A group of g is a session, or
// stands for a key whose sessions are over; each session has its bounds as its
// first two state columns, the start being NULL when it is over. What is over
// stays where it is until compact makes everything anew.
type sessions struct {
	v   *View
	g   *groups
	gap int64

	rows  []session // by group
	ends  endHeap
	live  int
	over  int
	moved []uint32 // sessions that another one has swallowed, and the one that has
	into  []uint32

	compactOver int
}

// session is what the writer knows of a group besides its pages.
type session struct {
	start, end int64
	open       bool
	next       uint32 // the key's next open session + 1
	key        uint32 // the group that stands for its key
	// Of a group that stands for a key:
	first  uint32 // its first open session + 1
	closed int64  // the end of its last session that has closed
}

func newSessions(v *View) *sessions {
	s := &sessions{v: v, gap: v.def.Window.GapMicros, compactOver: compactOver}
	s.g = v.container()
	return s
}

// until returns the end of a session whose last row is at ts.
func (s *sessions) until(ts int64) int64 { return later(ts, s.gap) }

// apply folds rows into sessions and returns those that came too late.
func (s *sessions) apply(rows []int32, in *Input) (late []Late) {
	v := s.v
	times := &in.Exprs[v.def.Window.Expr]
	timed := rows[:0]
	for _, r := range rows {
		if times.Null(int(r)) {
			v.perNull = append(v.perNull, r)
		} else {
			timed = append(timed, r)
		}
	}
	if len(v.perNull) > 0 {
		v.fold(v.untimedWindow(), v.perNull, in)
		v.perNull = v.perNull[:0]
	}
	if len(timed) == 0 {
		return nil
	}
	keys := v.find(s.g, timed)
	s.addKeys()
	kept := 0
	for i, r := range timed {
		ts := times.Int64(int(r))
		mark := noTime
		if in.Watermarks != nil {
			mark = v.passed(in.Watermarks[r])
		}
		group, ok := s.place(keys[i], ts, mark)
		if !ok {
			late = append(late, Late{Row: r, Start: ts, End: s.until(ts), Watermark: mark})
			continue
		}
		timed[kept], keys[kept] = r, group
		kept++
	}
	s.accumulate(timed[:kept], keys[:kept], in)
	return late
}

// addKeys takes groups that find has made for keys that were new.
func (s *sessions) addKeys() {
	for int(s.g.n) > len(s.rows) {
		group := uint32(len(s.rows))
		s.rows = append(s.rows, session{key: group, closed: noTime, end: noTime})
		s.g.touch([]uint32{group})
		s.write(group)
	}
}

// place returns the session of a key that a row at ts joins or begins. It
// reports false if that session, or the only one there could be, is closed at
// the watermark.
func (s *sessions) place(key uint32, ts, mark int64) (group uint32, ok bool) {
	start, end := ts, s.until(ts)
	if k := &s.rows[key]; k.closed != noTime && start <= k.closed {
		return 0, false
	}
	var joined []uint32
	for at := s.rows[key].first; at != 0; at = s.rows[at-1].next {
		x := &s.rows[at-1]
		if start > x.end || end < x.start {
			continue
		}
		if mark != noTime && s.v.closes(x.end) <= mark {
			return 0, false
		}
		joined = append(joined, at-1)
	}
	if len(joined) == 0 {
		if mark != noTime && s.v.closes(end) <= mark {
			return 0, false
		}
		return s.begin(key, start, end), true
	}
	group = joined[0]
	x := &s.rows[group]
	x.start, x.end = min(x.start, start), max(x.end, end)
	for _, other := range joined[1:] {
		o := &s.rows[other]
		x.start, x.end = min(x.start, o.start), max(x.end, o.end)
		s.unlink(other)
		s.moved, s.into = append(s.moved, other), append(s.into, group)
	}
	return group, true
}

// begin makes a session.
func (s *sessions) begin(key uint32, start, end int64) uint32 {
	group := key
	if k := &s.rows[key]; k.open || k.end != noTime { // it stands for another session
		group = s.g.insertHeld(s.g.held(key))
		s.rows = append(s.rows, session{key: key, closed: noTime})
	}
	x := &s.rows[group]
	x.start, x.end, x.open = start, end, true
	x.next, s.rows[key].first = s.rows[key].first, group+1
	s.live++
	s.ends.add(group, s.v.closes(end))
	return group
}

// held returns where a group's keys lie.
func (g *groups) held(group uint32) (unsafe.Pointer, int) {
	return g.blocks[group>>aggregate.PageShift], int(group & (aggregate.PageRows - 1))
}

// unlink takes a session from its key's open ones.
func (s *sessions) unlink(group uint32) {
	x := &s.rows[group]
	at := &s.rows[x.key].first
	for *at != group+1 {
		at = &s.rows[*at-1].next
	}
	*at = x.next
	x.open, x.next = false, 0
	s.live--
	s.over++
}

// accumulate folds rows into the sessions that they were placed in, then
// sessions into those that have swallowed them.
func (s *sessions) accumulate(rows []int32, groups []uint32, in *Input) {
	into := make(map[uint32]uint32, len(s.moved))
	for i, group := range s.moved {
		into[group] = s.into[i]
	}
	last := func(group uint32) uint32 {
		for {
			next, ok := into[group]
			if !ok {
				return group
			}
			group = next
		}
	}
	if len(into) > 0 {
		for i := range groups {
			groups[i] = last(groups[i])
		}
		for i := range s.into {
			s.into[i] = last(s.into[i])
		}
	}
	s.g.touch(groups)
	s.v.accumulate(s.g, groups, rows, in)
	for _, group := range groups {
		s.write(group)
	}
	if len(into) == 0 {
		return
	}
	s.g.touch(s.into)
	s.g.touch(s.moved)
	s.g.mergeGroups(s.into, s.g.accs, s.g.details, s.moved)
	for i, group := range s.moved {
		s.rows[group].start, s.rows[group].end = 0, noTime+1 // over, and of no consequence
		s.write(group)
		s.write(s.into[i])
	}
	s.moved, s.into = s.moved[:0], s.into[:0]
}

// write brings a writable group's bounds up to date.
func (s *sessions) write(group uint32) {
	x := &s.rows[group]
	setBounds(s.g, group, x.start, x.end, x.open)
}

func setBounds(g *groups, group uint32, start, end int64, open bool) {
	l := &g.v.accs
	block, at := g.blocks[group>>aggregate.PageShift], int(group&(aggregate.PageRows-1))
	*(*int64)(l.value(block, 0, at)) = start
	*(*int64)(l.value(block, 1, at)) = end
	*l.valid(block, 0, at) = open
}

// close moves the sessions that the watermark has reached into groups of their
// own, which a checkpoint takes into history.
func (s *sessions) close(watermark int64) int {
	var closing []uint32
	reached := s.ends.reached(watermark, func(group uint32) int64 {
		if x := &s.rows[group]; x.open {
			return s.v.closes(x.end)
		}
		return noTime // another one has swallowed it
	})
	for _, group := range reached {
		if s.rows[group].open {
			closing = append(closing, group)
			s.unlink(group)
		}
	}
	if len(closing) > 0 {
		s.store(closing)
	}
	s.compact(watermark)
	return len(closing)
}

// store copies sessions that are over into groups that are closed.
func (s *sessions) store(closing []uint32) {
	c := s.v.container()
	c.closed = s.v.reclaim.Next()
	groups := make([]uint32, len(closing))
	for i, group := range closing {
		groups[i] = c.insertHeld(s.g.held(group))
	}
	c.touch(groups)
	c.mergeGroups(groups, s.g.accs, s.g.details, closing)
	s.g.touch(closing)
	for i, group := range closing {
		x := &s.rows[group]
		setBounds(c, groups[i], x.start, x.end, true)
		k := &s.rows[x.key]
		k.closed = max(k.closed, x.end)
		s.write(group)
	}
}

// compact makes the groups anew when most are over. Keys are remembered as long
// as a row may come that belongs to their last session: one that meets it and a
// session that is open is late, so that none may begin within a gap of it.
func (s *sessions) compact(watermark int64) {
	if s.over < max(s.compactOver, 2*s.live) {
		return
	}
	old, rows := s.g, s.rows
	s.g, s.rows, s.ends, s.live, s.over = s.v.container(), nil, s.ends[:0], 0, 0
	var from, to []uint32
	for group := range rows {
		x := &rows[group]
		if x.key != uint32(group) || x.first == 0 && (x.closed == noTime || s.v.closes(s.until(s.until(x.closed))) <= watermark) {
			continue
		}
		key := s.g.findHeld(old.held(uint32(group)))
		s.addKeys()
		s.rows[key].closed = x.closed
		if x.closed != noTime { // for the checkpoint
			s.rows[key].end = x.closed
			s.write(key)
		}
		for at := x.first; at != 0; at = rows[at-1].next {
			from, to = append(from, at-1), append(to, s.begin(key, rows[at-1].start, rows[at-1].end))
		}
	}
	s.g.succeed(old, from, to)
	for _, group := range to {
		s.write(group)
	}
}

// load makes the group of a state row that is not there yet.
func (s *sessions) load(row int, group int64, keys []batch.Vector) error {
	if group < int64(s.g.n) {
		return nil
	}
	key, _, err := s.g.load(row, group, keys)
	s.rows = append(s.rows, session{key: key, closed: noTime, end: noTime})
	return err
}

// loaded links the sessions that state rows described.
func (s *sessions) loaded() {
	for group := range s.rows {
		x := &s.rows[group]
		p, at := s.g.held(uint32(group))
		l := &s.v.accs
		x.open = *l.valid(p, 0, at)
		x.end = *(*int64)(l.value(p, 1, at))
		k := &s.rows[x.key]
		if !x.open {
			s.over++
			if x.end > noTime+1 {
				k.closed = max(k.closed, x.end)
			}
			continue
		}
		x.start = *(*int64)(l.value(p, 0, at))
		x.next, k.first = k.first, uint32(group)+1
		s.live++
		s.ends.add(uint32(group), s.v.closes(x.end))
	}
}
