package aggregate

import (
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
)

// pick keeps the value of one row, the first or last by a key: arg_min and
// arg_max, and first, last and any_value, whose key is the event time if there
// is one. Among equal keys the row that came first counts, for last the row
// that came last. What it lets go of long strings stays in the arena.
type pick struct {
	typ, key  batch.Type
	compare   func(a, b *datum) int // nil without a key
	greatest  bool
	latest    bool // of equal keys
	skipNull  bool // rows whose value is NULL do not count
	keyNeeded bool // rows whose key is NULL do not count, else only if there are no others
}

// What pick's second column says of a group.
const (
	pickNothing int8 = iota
	pickKeyless      // the row has no key
	pickKeyed
)

func newPick(f Function, args []batch.Type) (Accumulator, error) {
	p := pick{typ: args[0], latest: f == Last, skipNull: f == AnyValue || f == ArgMin || f == ArgMax}
	p.greatest = f == Last || f == ArgMax || f == ArgMaxNull
	p.keyNeeded = f == ArgMin || f == ArgMax || f == ArgMinNull || f == ArgMaxNull
	switch {
	case len(args) == 1 && !p.keyNeeded:
		return p, nil
	case len(args) == 2:
		if p.key, p.compare = args[1], orderOf(args[1]); p.compare != nil {
			return p, nil
		}
	}
	return nil, fmt.Errorf("aggregate %d over %v", f, args)
}

func (p pick) Columns() []StateColumn {
	columns := []StateColumn{{p.typ, true}, {batch.Type{Kind: batch.TinyInt}, false}}
	if p.compare != nil {
		columns = append(columns, StateColumn{p.key, false})
	}
	return columns
}

// candidate is a row, or what another window has kept.
type candidate struct {
	rank  int8
	null  bool // of the value
	value datum
	key   datum
}

func (p pick) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, arena *Arena) {
	for i, g := range groups {
		row := int(rows[i])
		r := candidate{rank: pickKeyless, null: args[0].Null(row)}
		if r.null && p.skipNull {
			continue
		}
		if p.compare != nil && !args[1].Null(row) {
			r.rank, r.key = pickKeyed, datumOf(&args[1], row)
		} else if p.keyNeeded {
			continue
		}
		if !p.better(c, g, &r) {
			continue
		}
		if !r.null {
			r.value = datumOf(&args[0], row)
		}
		p.take(c, g, &r, arena)
	}
}

func (p pick) Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, arena *Arena) {
	for i, g := range groups {
		h := fromGroups[i]
		r := candidate{rank: *value[int8](&from[1], h), null: *from[0].valid(h) == 0}
		if r.rank == pickNothing {
			continue
		}
		if r.rank == pickKeyed {
			r.key = load(&from[2], h, p.key.Physical())
		}
		if !p.better(c, g, &r) {
			continue
		}
		if !r.null {
			r.value = load(&from[0], h, p.typ.Physical())
		}
		p.take(c, g, &r, arena)
	}
}

// better reports whether a row takes the place of what a group keeps.
func (p pick) better(c []Column, g uint32, r *candidate) bool {
	rank := *value[int8](&c[1], g)
	if r.rank != rank || rank == pickKeyless {
		return r.rank > rank || r.rank == rank && p.latest
	}
	held := load(&c[2], g, p.key.Physical())
	order := p.compare(&r.key, &held)
	if order == 0 {
		return p.latest
	}
	return order > 0 == p.greatest
}

func (p pick) take(c []Column, g uint32, r *candidate, arena *Arena) {
	*value[int8](&c[1], g) = r.rank
	if r.rank == pickKeyed {
		save(&c[2], g, p.key.Physical(), &r.key, arena)
	}
	valid := c[0].valid(g)
	if *valid = 0; !r.null {
		*valid = 1
		save(&c[0], g, p.typ.Physical(), &r.value, arena)
	}
}
