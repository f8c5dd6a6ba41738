// Package kafka reads Kafka topics: it implements source.Connector.
//
// The nouns: a [Connector] checks and opens sources; a reader reads one topic
// with one client; a partition knows the offset it must deliver next and
// whether the broker still has it; a survey is what the broker said when it was
// last asked about the topic; a batcher turns fetched records into batches.
//
// Offsets are the engine's, never the consumer group's. The reader assigns
// itself every partition at exactly the offset that the engine stored, compares
// the offset of every record with the one that it expects, and drops what it has
// delivered before. Offsets that compaction or a transaction left empty are
// passed over. Offsets that the broker lost are never passed over silently: by
// default the partition stalls and says which, and with on_data_loss =
// 'continue' it goes on and reports a gap. If the log is another one from some
// offset on, because it was truncated or the topic was created again, it goes on
// with what the broker has there now, in a range that says so.
//
// A Kafka client is silent about most of what can go wrong: a broker that is
// down, a wrong password, a topic that does not exist, was deleted or was
// created again. Therefore the reader surveys the broker every few seconds, and
// is Running only while surveys or fetches succeed. Everything that can heal is
// retried for ever.
//
// A record whose schema is not known yet is not decoded: it holds its partition,
// which says so, while the schema is asked for again and again. Nobody but the
// poller waits, so that the whole source does, with what was fetched. So it is with
// a record whose schema has fields without a column, unless these are to be ignored:
// it waits until somebody adds the columns, or has them added by Spec.Grow, which
// closes the reader and opens another one that begins with the record.
//
// Describe says what columns a source could have, before there is one: from the
// latest schema of the topic's records, or from a sample of the topic.
//
// Four goroutines serve a source: one polls and decodes, one hands batches to
// the sink, one surveys, one commits the durable offsets to the consumer group
// for lag monitors. While the sink blocks, nothing is polled: the client holds
// at most one fetch per broker, which asks for as much as Options.FetchMemory has
// room for once it is unpacked.
package kafka
