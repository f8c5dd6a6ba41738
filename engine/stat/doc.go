// Package stat has the figures that metrics, EXPLAIN ANALYZE show of
// the database's objects, as of one epoch.
package stat
