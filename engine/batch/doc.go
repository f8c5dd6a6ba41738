// Package batch holds the one type that crosses packages on the hot path: a
// decoded slice of one or more partitions as typed Arrow columns in off-heap
// memory, with the offset range it covers per partition.
//
// The nouns: a [Type] is an SQL column type and knows its Arrow form and its
// DuckDB spelling; a [Schema] is a source's columns; a [Builder] grows columns
// from single values without an allocation per value; a [Batch] is what a
// source reader hands to the engine.
//
// Types are scalars, and structs, lists and maps of other types. A builder of such a
// column has children, to which parts are appended before the value itself; where a
// struct is NULL, so are all its fields.
//
// Batches are immutable once built. Their memory comes from
// arrow/memory/mallocator, so that DuckDB's C code may read it in place and the
// Go garbage collector never scans it; whoever owns a Batch must Release it.
package batch
