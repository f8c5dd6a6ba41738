// Package datetime writes and reads dates, times and intervals as PostgreSQL
// does, as text and in the binary format.
//
// Dates are days and timestamps microseconds since 1970-01-01, in the proleptic
// Gregorian calendar; the years reach further than those of package time. The
// infinities are those of package batch.
package datetime
