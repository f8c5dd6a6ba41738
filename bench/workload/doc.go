// Package workload makes the records that the demo and the benchmarks run on,
// and produces them to Kafka.
//
// [Shop] is a stream of orders and page views that behaves like a real one:
// a few customers, products and countries make most of it, records arrive out
// of order, some of them very late, and a few are damaged. [Clicks] is a plain
// stream of records of about 200 bytes for measuring throughput, [Purchases] one
// whose sums are whole numbers, for comparing systems. Each record
// is a pure function of a seed, its number and a base time, so that a run can
// be repeated exactly and any record can be made again without those before it.
//
// [Producer] sends a Shop at a steady rate; [Fill] sends a fixed number of
// records as fast as the broker takes them.
package workload
