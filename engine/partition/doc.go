// Package partition holds how far a source has read one partition, and what it
// has counted there: a [State]. It takes the ranges of offsets that batches
// cover, and refuses those that do not go on where it stands; it is what a
// checkpoint keeps and what a row of millstream.partitions says.
//
// A State belongs to the engine's writer. Copies of it are in snapshots.
package partition
