// Package shopcheck is a job whose answer is known: the shop's orders through
// a source into four views, and the questions that tell whether any record was
// lost, repeated or counted wrongly.
//
// [Feed] produces orders so that the record at offset o of partition p is
// always the same one, whoever produces it and after however many restarts.
// [Statements] create the source and the views. [Verify] asks a running
// database, in three statements that each read one epoch: is every record
// below the next offset there exactly once, is each the record that was
// produced, and does every view equal the same SELECT over the source's rows
// minus those that came too late for it.
//
// Verify does not trust the views, nor the counters: it compares what is
// stored with what the generator makes and with what DuckDB computes from it.
package shopcheck
