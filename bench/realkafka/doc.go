// Package realkafka runs one real Apache Kafka broker, for tests and for measuring
// Millstream beside other systems: KRaft, one node, started with java from the jars
// that Maven Central publishes. The embedded broker of ingest/broker is not Kafka;
// what Millstream promises is shown on this one as well.
//
// [Start] fetches the jars once into a cache directory (pom.xml pins their
// versions), formats a data directory, and starts the broker as a child
// process on free ports of the loopback interface. [Broker.Restart] stops it
// politely or by SIGKILL and starts it again on the same data and ports.
// KAFKA_BROKERS=host:port[,host:port] makes Start use a broker that runs
// already, which can't be restarted then.
//
// It needs java 17 or later, and mvn for the first start. Where they are
// missing Start returns [ErrNoJava].
package realkafka
