// Package catalog says what the objects of a database are: what CREATE SOURCE,
// CREATE TABLE and CREATE MATERIALIZED VIEW have said of them, the columns and
// the tables in the file that follow from it, and the SQL that makes these.
// Definitions are plain data, kept as JSON in the file; one that an engine runs
// is never changed, but replaced.
package catalog
