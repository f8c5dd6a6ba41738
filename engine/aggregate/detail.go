package aggregate

import "github.com/millstream-db/millstream/engine/batch"

// Detail is what the groups of a window keep for one aggregate besides its
// state columns: the set behind DISTINCT, a sketch for each group, the bag of
// arguments. It belongs to the writer and is not safe for concurrent use; what
// Take and Freeze return is.
type Detail interface {
	// Add folds rows in, as an accumulator does, and keeps its state columns.
	Add(c []Column, groups []uint32, rows []int32, args []batch.Vector)
	// Merge folds group fromGroups[i] of another window's detail of the same
	// kind into group groups[i], for every i, and keeps the state columns, into
	// which the accumulator of the aggregate is not merged besides. A group of
	// from stands there once at most. from is frozen, or belongs to the writer
	// too; it may be the detail itself.
	Merge(c []Column, groups []uint32, from Detail, fromGroups []uint32)
	// Freeze returns the detail as it is now, for readers to merge all groups
	// from while the original changes.
	Freeze() Detail
	// Take returns what has changed since the last call; all there is if whole.
	Take(whole bool) Entries
	// Undo marks entries as not taken.
	Undo(Entries)
	// Load restores an entry as Entries gave it, in the order of checkpoints.
	Load(group uint32, value []byte)
	// Loaded marks everything as taken.
	Loaded()
	// Len returns how many entries a checkpoint of everything has.
	Len() int
	// Bytes returns the memory taken, besides the window's arena.
	Bytes() int64
}

// Entries are changes of a detail in the form in which checkpoints keep them.
// They stay as they are while the detail changes.
type Entries interface {
	Len() int
	// Each calls f for every entry. The value is valid during the call.
	Each(f func(group uint32, value []byte))
}

// NewDetail returns the detail of an aggregate, nil if it needs none. acc is
// its accumulator; long values go into the arena.
func NewDetail(f Function, distinct bool, args []batch.Type, params []float64, acc Accumulator, arena *Arena) Detail {
	if empty, decode := f.maker(params); empty != nil {
		return newSketches(empty, decode)
	}
	if distinct {
		return NewDistinct(args[0], acc, arena)
	}
	return nil
}
