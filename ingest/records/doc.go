// Package records takes bodies and files of many records apart, and collects what
// becomes of them.
//
// A [Lines] cuts a stream into lines, or into the records of a CSV, whose quoted
// fields may have line breaks; [Elements] cuts a JSON array. A [Collector] has a
// record decoded into a row, or keeps it among the rejected, and hands out
// batches. A [CSVTable] is a CSV whose first line names its columns.
//
// What a record means is for package decode to say; nothing here looks into one.
package records
