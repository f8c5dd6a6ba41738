// Package checkpoint is what Millstream keeps on disk: one DuckDB file that
// one transaction per checkpoint moves from epoch to epoch. FORMAT.md describes
// the tables.
//
// A [Store] is the open file. A [Write] is one checkpoint: the hot rows for
// history, the windows that closed, the groups that changed, the offsets and
// watermarks, and the objects that were created or dropped. It is committed
// whole or not at all. An [Image] is what the last commit left, for a restart.
//
// The package decides the order of writing and the layout; it does not decide
// when, nor what is in a checkpoint.
package checkpoint
