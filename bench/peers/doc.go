// Command peers measures Millstream beside the systems that people use instead of
// it: Spark Structured Streaming, Flink SQL, Kafka Streams, Pathway, Bytewax, and
// the loop of a consumer and a DuckDB that many write themselves.
//
// One real Apache Kafka broker serves the same full topic to each of them, one at
// a time on the same cores. Their rows are compared with those computed from
// the records: a system with wrong rows gets no figure. Everything that is
// measured is a process of its own, run as its documentation says (package
// programs). Beside the replay of a full topic there are queries of Nexmark over a topic of
// bids, for Millstream, Spark and Flink, the freshness of results at
// steady rates, and, of Millstream alone, queries under load, restart, start-up,
// memory and size.
//
// Of Nexmark's queries (package nexmark) those over bids are measured whose rows are the same in
// every system: q0, q1, q2, q5, q7, q15, q16, q17 and q18. q12 counts by the clock: no
// two systems have the same rows, and when a topic ends its last window is open. q8 and others join
// two streams, which Millstream does not do.
//
// Results go to results.json after each measurement, and the report and its chart
// are drawn from it (package results): a run of some systems or workloads leaves
// the figures of the others as they were. What can't be installed is listed with the
// reason. A system that fails or has wrong rows does not stop the others, and makes the command
// fail in the end.
//
//	make bench-peers ARGS="-records=200000 -runs=1 -only=millstream,spark -workloads=replay -out=/tmp"
package main
