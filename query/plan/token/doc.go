// Package token splits the text of a SELECT into words, strings and symbols, to
// find the places that DuckDB's syntax tree does not tell, and to blank out
// Flink's spelling of window functions, which DuckDB's parser does not know.
package token
