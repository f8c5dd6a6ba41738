// Package file reads files that lie on the server: NDJSON, CSV and Parquet.
//
// A [Connector] has a reader for each source. A file is a partition and its rows
// are the offsets, so that what is read once is read exactly once by the same
// rules as a topic. What the engine keeps of a partition besides its next offset
// is the file's identity: path, size and time of change, where the next record
// begins, and whether the file was read to its end. Both are committed together
// with the rows.
//
// Files are looked for at intervals. Those that are found together are read one
// after the other in the order of their names, while the watermark waits for all of
// them. A file is begun when it has stood still for an interval. One that changes
// after it was begun is not read on or again: its partition says so. One that can't
// be read stalls, is tried again, and keeps no other from being read.
//
// Before there is a source, a file of Parquet says what columns it could have.
//
// Only files in the directories of [Options] are read, links followed.
package file
