// Package pgcatalog answers what Postgres clients ask of pg_catalog and
// information_schema.
//
// DuckDB has schemas of these names, but nothing can be added to them and much
// in them differs from Postgres: pg_attribute has DuckDB's type numbers, the
// operator ~ matches whole strings, regclass doesn't exist. So there is a
// shadow catalog: the schemas pgc and pgi in the catalog live, which [Schema]
// defines as views over what DuckDB knows about live, as tables with rows that
// never change, as empty tables for what Millstream doesn't have, and as macros
// for Postgres's functions. The files in sql and data are all of it: a relation,
// a column or a function is added there and nowhere else.
//
// [Rewrite] turns a statement that speaks to Postgres's catalog into one over
// the shadow. It works on tokens, not on a syntax tree, so it takes every
// dialect that DuckDB takes; a statement that doesn't speak to the catalog
// passes through unchanged, byte for byte.
//
// [Ordinary] does the same for what is no matter of the catalog: Postgres's
// regular expressions, the backslash of LIKE, array literals, to_char and the
// builders of JSON. It serves materialized views too.
//
// Objects have OIDs made from DuckDB's numbers. They are stable until the
// object is created again or the process ends, not longer.
package pgcatalog
