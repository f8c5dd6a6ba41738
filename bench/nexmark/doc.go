// Package nexmark is the Nexmark benchmark: people open auctions and bid, and
// queries watch them.
//
// [Generator] makes the events with the distributions of the published
// generator: 1 person and 3 auctions to 46 bids, half of the bids on the newest
// hundredth auction, three of four from the newest hundredth bidder, prices
// that grow by powers of ten. Each event is a pure function of a seed and its
// number.
//
// [Queries] are the queries that need no join of two streams, each as the view
// that computes it here and as the SELECT by which plain DuckDB computes the
// same over all records. The test compares both.
//
// q3, q4, q6, q8, q9 and q20 join two streams and are left out.
package nexmark
