// Package interval reads the text of an INTERVAL and computes with it as DuckDB
// does. It knows no syntax tree: that a text is DuckDB's interval is tested where
// both are known, in query/plan.
package interval
