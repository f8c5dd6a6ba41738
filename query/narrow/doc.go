// Package narrow finds out what a query needs of the rows that are in memory.
//
// Package gate finds conditions in a query's tree: on event times, on the keys of
// views, and that only the first rows count. A [Finder] gives them values and turns
// them into bounds for sources and [view.Needs] for views. A [Shape] says which
// columns of a view are columns of its state, so that a condition on one speaks of
// groups. What is not surely right is left out: the query is then given all rows,
// and applies its conditions itself in any case.
package narrow
