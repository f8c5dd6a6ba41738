// Package ast reads, changes and makes DuckDB's syntax trees, as
// json_serialize_sql writes them and json_deserialize_sql reads them, and reads
// the constants in them. It never asks DuckDB itself.
package ast
