// Package binder has DuckDB say what it thinks of a statement that is not to be run: its
// syntax tree, the text of a tree, and the columns of a SELECT over tables that there are
// only in name.
package binder
