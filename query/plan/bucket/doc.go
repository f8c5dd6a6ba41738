// Package bucket reads time_bucket and date_trunc as windows, aligned as DuckDB aligns
// them: that they are is tested where DuckDB is known, in query/plan.
package bucket
