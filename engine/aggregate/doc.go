// Package aggregate keeps the running results of aggregate functions in
// columnar pages. An [Accumulator] folds a batch's values into one state
// column; the column already is the result, or a part of it, as SQL reads it.
//
// The nouns: a [Column] is a state column cut into pages of [PageRows] groups;
// a [StringHandle] is DuckDB's 16-byte string, whose bytes live in an [Arena];
// a [Distinct] is the exact set behind count(DISTINCT).
//
// One family of functions, one file. NULL arguments are skipped, as SQL wants;
// which rows reach an accumulator (WHERE, FILTER, late records) is decided
// before.
package aggregate
