// Package engine is the core of the database: it takes batches from source
// readers, keeps views over them, checkpoints into DuckDB, and gives readers
// one consistent epoch of everything.
//
// An [Engine] has one writer goroutine. Each round it takes the batches that
// have come in, appends them to their sources' hot buffers, applies them to
// the views, and publishes a [Snapshot]: that is an epoch. A checkpoint takes
// a snapshot and commits its rows, closed windows, changed groups and offsets
// in one DuckDB transaction while the writer goes on; then the writer lets go
// of what is in history. A [Read] pairs a DuckDB transaction with a snapshot
// so that each row is in exactly one of them.
//
// The engine does not parse SQL, speak to Kafka or serve clients. DESIGN.md
// says who owns what and in which order things happen.
package engine
