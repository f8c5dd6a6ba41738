// Package receipt remembers which requests have brought rows, so that one that
// is sent again is answered as before and its rows are not taken twice.
//
// A [Request] is what the client says to tell its requests apart: a key of its
// own and a digest of what it sent. A [Receipt] is what it was told. A [Book]
// keeps the receipts of one source: the last 100,000 that are not older than a
// day. Receipts are written in the transaction of the rows that they stand for,
// so that a crash leaves both or none.
package receipt
