// Package broker runs a Kafka broker inside the process: the demo's broker, and
// the one that tests consume from. It is franz-go's kfake behind a guard.
//
// The nouns: a [Broker] is the running broker; [Options] say where it listens
// and what it keeps; the guard stands in front of every connection and lets
// only whole, sane request frames through, because kfake trusts what it reads:
// one HTTP GET on its port would otherwise end the process.
//
// It speaks Kafka's protocol to ordinary clients (librdkafka, franz-go), with
// transactions, consumer groups and retention, and keeps its log in a directory
// that survives a kill. It is not Kafka: there is no replication, and it does
// not flush to disk per batch. Use it to try things out and to test, not to keep
// records that exist nowhere else.
package broker
