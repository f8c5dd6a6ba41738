// Package dimension looks rows of a table up for the rows of a batch.
//
// A [Copy] is one version of a table: the columns that a join reads, in memory
// outside Go's heap, with a hash index over the join's keys. It never changes;
// when the table does, a new one is built beside it, and the old one goes with
// its last holder. A [Keyed] has a Copy too, of a table with a primary key whose
// rows follow changes one by one. [Copy.Lookup] finds the matches of a batch's rows, and
// [Gather] copies columns along them.
//
// A NULL in a key matches nothing. Numbers match as SQL compares them: both
// zeros are one value, and so are all NaNs.
package dimension
