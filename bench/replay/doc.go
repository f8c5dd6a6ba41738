// Command replay measures how fast millstream takes in a topic that is full
// already: 5,000,000 JSON records of 200 bytes over 4 partitions into three
// views, with every row going to history. It measures two limits beside it, in
// the same run and on the same topic: franz-go consuming and doing nothing,
// and the decoder alone.
//
// The broker and everything that is measured are processes of their own, so
// that each one's peak memory is its own. A measurement is of the whole process:
// connecting, waiting for the first record and, for millstream, the checkpoint
// that makes the last record durable.
//
//	make bench ARGS="-records=1000000 -cpuprofile=cpu.prof"
package main
