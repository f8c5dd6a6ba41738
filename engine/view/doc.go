// Package view keeps materialized views: the scalar stage over each batch, the
// incremental aggregation per window and group, and the pages that readers see.
package view
