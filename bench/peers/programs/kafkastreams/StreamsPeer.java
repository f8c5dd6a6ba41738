import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyWindowStore;
import org.apache.kafka.streams.state.WindowStore;

/** Kafka Streams: a windowed aggregation of the DSL whose store is read. */
public class StreamsPeer {
  static final Duration WINDOW = Duration.ofMinutes(1);

  /** What an aggregation needs of a record. */
  record Purchase(long micros, String user, String page, long cents) {}

  /** A row without its window and key. */
  record Totals(long count, long sum, long least, long greatest) {
    Totals add(long cents) {
      return new Totals(count + 1, sum + cents, Math.min(least, cents), Math.max(greatest, cents));
    }
  }

  static final JsonFactory JSON = new JsonFactory();

  static Purchase parse(byte[] value) {
    try (JsonParser p = JSON.createParser(value)) {
      long micros = 0, cents = 0;
      String user = null, page = null;
      p.nextToken();
      while (p.nextToken() == JsonToken.FIELD_NAME) {
        String field = p.currentName();
        p.nextToken();
        switch (field) {
          case "ts" -> {
            Instant at = Instant.parse(p.getText());
            micros = at.getEpochSecond() * 1_000_000 + at.getNano() / 1000;
          }
          case "user" -> user = p.getText();
          case "page" -> page = p.getText();
          case "cents" -> cents = p.getLongValue();
          default -> {}
        }
      }
      return new Purchase(micros, user, page, cents);
    } catch (IOException e) {
      throw new RuntimeException(e);
    }
  }

  /** Reads the JSON of the topic; nothing writes it. */
  static final Serde<Purchase> PURCHASE = Serdes.serdeFrom((topic, p) -> null, (topic, value) -> parse(value));

  static final Serde<Totals> TOTALS =
      Serdes.serdeFrom(
          (topic, t) -> t == null ? null
              : ByteBuffer.allocate(32).putLong(t.count).putLong(t.sum).putLong(t.least).putLong(t.greatest).array(),
          (topic, bytes) -> {
            if (bytes == null) {
              return null;
            }
            ByteBuffer b = ByteBuffer.wrap(bytes);
            return new Totals(b.getLong(), b.getLong(), b.getLong(), b.getLong());
          });

  /** The event time of a record. */
  public static class EventTime implements TimestampExtractor {
    @Override
    public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
      return record.value() instanceof Purchase p ? p.micros / 1000 : record.timestamp();
    }
  }

  public static void main(String[] args) throws Exception {
    String mode = args[0], brokers = args[1], topic = args[2], key = args[4];
    long records = Long.parseLong(args[3]);
    Path rows = Path.of(args[5]);
    Path state = Files.createTempDirectory(rows, "state");
    AtomicLong counted = new AtomicLong();

    // The partitions of the topic are read at their own pace, and meet in the
    // repartition topic: a replay must wait for the slower ones.
    Duration grace = mode.equals("replay") ? Duration.ofDays(1) : Duration.ofSeconds(2);
    StreamsBuilder builder = new StreamsBuilder();
    builder
        .stream(topic, Consumed.with(Serdes.ByteArray(), PURCHASE).withTimestampExtractor(new EventTime()))
        .map((k, p) -> KeyValue.pair(key.equals("page") ? p.page : p.user, p.cents))
        .groupByKey(Grouped.with(Serdes.String(), Serdes.Long()))
        .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, grace))
        .aggregate(
            () -> new Totals(0, 0, Long.MAX_VALUE, Long.MIN_VALUE),
            (k, cents, totals) -> {
              counted.incrementAndGet();
              return totals.add(cents);
            },
            Materialized.<String, Totals, WindowStore<Bytes, byte[]>>as("windows")
                .withKeySerde(Serdes.String()).withValueSerde(TOTALS).withRetention(WINDOW.plus(grace)));

    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "streams-" + topic + "-" + key + "-" + ProcessHandle.current().pid());
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 512L << 20); // more keys than the default of 10 MB holds
    settings.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
    settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    System.out.println("@started");
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.start();
    if (mode.equals("freshness")) {
      show(streams);
    }
    while (counted.get() < records) {
      Thread.sleep(5);
    }
    System.out.println("@finished");
    Thread.sleep(300);
    write(store(streams), rows.resolve("rows.csv"));
    streams.close(Duration.ofSeconds(5));
    System.exit(0);
  }

  static ReadOnlyWindowStore<String, Totals> store(KafkaStreams streams) {
    return streams.store(StoreQueryParameters.fromNameAndType("windows", QueryableStoreTypes.windowStore()));
  }

  static void write(ReadOnlyWindowStore<String, Totals> store, Path path) throws IOException {
    try (BufferedWriter out = Files.newBufferedWriter(path); var all = store.all()) {
      while (all.hasNext()) {
        var row = all.next();
        Totals t = row.value;
        out.write(row.key.window().start() / 1000 + "," + row.key.key() + "," + t.count + "," + t.sum + "," + t.least + "," + t.greatest + "\n");
      }
    }
  }

  /** Asks the store for the pages of the probes over and over, until the process is ended. */
  static void show(KafkaStreams streams) throws InterruptedException {
    while (true) {
      Thread.sleep(1);
      if (streams.state() != KafkaStreams.State.RUNNING) {
        continue;
      }
      try {
        var store = store(streams);
        for (int page = 1000; page < 1004; page++) {
          long greatest = 0;
          Instant now = Instant.now();
          try (var windows = store.fetch("page-" + page, now.minus(WINDOW.multipliedBy(2)), now)) {
            while (windows.hasNext()) {
              greatest = Math.max(greatest, windows.next().value.greatest);
            }
          }
          Instant at = Instant.now();
          if (greatest > 0) {
            System.out.println("@visible page-" + page + " " + greatest + " " + (at.getEpochSecond() * 1_000_000 + at.getNano() / 1000));
          }
        }
      } catch (org.apache.kafka.streams.errors.InvalidStateStoreException e) {
        Thread.sleep(100); // the partitions are being assigned
      }
    }
  }
}
