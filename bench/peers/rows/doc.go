// Package rows compares what systems compute with what is right: the count, sum,
// least and greatest amount of every window and key of a topic of purchases.
//
// [NewExpected] computes them from the records; [Expected.Compare] reads the files
// that a system has written. What is right of Nexmark's queries a [Judge] computes, a DuckDB
// with the same bids and without views; [Judge.Compare] reads the files.
package rows
