package view

import (
	"slices"
	"unsafe"

	"github.com/millstream-db/millstream/engine/batch"
)

// groupingSets makes the keys of a row's groups: one for each set, in which the
// keys outside the set are NULL and the last key is the set's number.
type groupingSets struct {
	of      []groupingSet
	full    []batch.Vector // the keys as stage one computed them
	numbers []int64        // the set's number, for every row
}

// groupingSet says which of the definition's keys are in a set.
type groupingSet struct {
	holds []bool
	empty bool
}

func newGroupingSets(def *Definition) *groupingSets {
	if def.GroupingSets == nil {
		return nil
	}
	s := &groupingSets{}
	for _, keys := range def.GroupingSets {
		set := groupingSet{holds: make([]bool, len(def.Keys)), empty: len(keys) == 0}
		for _, k := range keys {
			set.holds[k] = true
		}
		s.of = append(s.of, set)
	}
	return s
}

// keys appends the keys of a set for so many rows. They are valid until the
// next call.
func (s *groupingSets) keys(out, full []batch.Vector, set, rows int) []batch.Vector {
	for i, held := range s.of[set].holds {
		if held {
			out = append(out, full[i])
		} else {
			out = append(out, batch.Vector{Type: full[i].Type, Len: rows})
		}
	}
	s.numbers = slices.Grow(s.numbers[:0], rows)[:rows]
	for i := range s.numbers {
		s.numbers[i] = int64(set)
	}
	return append(out, batch.Vector{Type: bigintType, Len: rows, Values: unsafe.Pointer(unsafe.SliceData(s.numbers))})
}

// foldSets adds rows to the groups of every set.
func (v *View) foldSets(g *groups, rows []int32, in *Input) {
	s := v.sets
	s.full = append(s.full[:0], v.keyVectors...)
	for i := range s.of {
		v.keyVectors = s.keys(v.keyVectors[:0], s.full, i, in.Rows)
		v.foldKeys(g, rows, in)
	}
	v.keyVectors = append(v.keyVectors[:0], s.full...)
}

// begin makes the groups that are there before the first row: those of all
// rows. SELECT count(*) FROM nothing is one row.
func (v *View) begin() {
	var keys []batch.Vector
	sets := 1
	if v.sets != nil {
		sets = len(v.sets.of)
	}
	for _, k := range v.def.Keys {
		keys = append(keys, batch.Vector{Type: k.Type, Len: 1})
	}
	for i := range sets {
		var of []batch.Vector
		switch {
		case v.sets != nil && v.sets.of[i].empty:
			of = v.sets.keys(nil, keys, i, 1)
		case v.sets != nil || len(keys) > 0:
			continue
		}
		rows, hashes, group := []int32{0}, []uint64{0}, []uint32{0}
		for j := range of {
			hashColumn(hashes, rows, &of[j])
		}
		g := v.only()
		g.find(rows, hashes, of, group)
		g.touch(group)
	}
}
