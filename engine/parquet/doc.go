// Package parquet reads Parquet files by DuckDB, for readers of sources: values
// become those of a source's columns as a CAST makes them, and a row with one that
// can't be cast is rejected alone. Files must lie in the directories that the
// operator allows.
package parquet
