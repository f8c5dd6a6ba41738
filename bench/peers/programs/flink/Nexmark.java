import java.io.BufferedWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichFilterFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;

/** Nexmark's queries over a full topic of bids, in Flink SQL. */
class Nexmark {
  static final String BIDS =
      """
      CREATE TABLE bid (
        auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, date_time TIMESTAMP(3), extra STRING,
        WATERMARK FOR date_time AS date_time - INTERVAL '4' SECOND
      ) WITH (
        'connector' = 'kafka', 'properties.bootstrap.servers' = '%s', 'topic' = '%s',
        'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
        'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601'
      )""";

  static final String DAY = "DATE_FORMAT(date_time, 'yyyy-MM-dd')";

  /** The counts of all bids and of those in three ranges of prices. */
  static String counts(String of) {
    return """
        COUNT(%1$s), COUNT(%1$s) FILTER (WHERE price < 10000),
        COUNT(%1$s) FILTER (WHERE price >= 10000 AND price < 1000000), COUNT(%1$s) FILTER (WHERE price >= 1000000)"""
        .formatted(of);
  }

  static final String STATISTICS = String.join(", ", counts("*"), counts("DISTINCT bidder"), counts("DISTINCT auction"));

  /** A query, and how many of its first columns are the key of a row that changes; 0: rows come once. */
  record Query(int key, String sql) {}

  static final Map<String, Query> QUERIES =
      Map.of(
          "q0", new Query(0, "SELECT auction, bidder, price, date_time, extra FROM bid"),
          "q1", new Query(0, "SELECT auction, bidder, 0.908 * price, date_time, extra FROM bid"),
          "q2", new Query(0, "SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0"),
          // A window's ranks are those of ROW_NUMBER only, which has one row of several that are equal.
          "q5",
              new Query(
                  0,
                  """
                  WITH counts AS (
                    SELECT window_start, window_end, auction, COUNT(*) AS num
                    FROM TABLE(HOP(TABLE bid, DESCRIPTOR(date_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
                    GROUP BY window_start, window_end, auction),
                  hottest AS (SELECT window_start, window_end, MAX(num) AS num FROM counts GROUP BY window_start, window_end)
                  SELECT c.window_start, c.window_end, c.auction, c.num FROM counts c JOIN hottest h
                  ON c.window_start = h.window_start AND c.window_end = h.window_end AND c.num = h.num"""),
          "q7",
              new Query(
                  0,
                  """
                  WITH bids AS (SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(date_time), INTERVAL '10' SECOND))),
                  highest AS (SELECT window_start, window_end, MAX(price) AS price FROM bids GROUP BY window_start, window_end)
                  SELECT b.window_start, b.window_end, b.auction, b.price, b.bidder, b.date_time, b.extra FROM bids b JOIN highest h
                  ON b.window_start = h.window_start AND b.window_end = h.window_end AND b.price = h.price"""),
          "q15", new Query(1, "SELECT " + DAY + ", " + STATISTICS + " FROM bid GROUP BY " + DAY),
          "q16",
              new Query(
                  2,
                  "SELECT channel, " + DAY + ", MAX(DATE_FORMAT(date_time, 'HH:mm')), " + STATISTICS + " FROM bid GROUP BY channel, " + DAY),
          // AVG of whole numbers is one.
          "q17",
              new Query(
                  2,
                  "SELECT auction, " + DAY + ", " + counts("*") + ", MIN(price), MAX(price), AVG(CAST(price AS DOUBLE)), SUM(price)"
                      + " FROM bid GROUP BY auction, " + DAY),
          "q18",
              new Query(
                  2,
                  """
                  SELECT auction, bidder, price, channel, url, date_time, extra FROM (
                    SELECT *, ROW_NUMBER() OVER (PARTITION BY auction, bidder ORDER BY date_time DESC, price DESC, extra DESC) AS place FROM bid)
                  WHERE place = 1"""));

  static void run(StreamExecutionEnvironment env, StreamTableEnvironment sql, String brokers, String topic, String name, String directory) throws Exception {
    // What Flink's page on performance tuning advises for aggregations.
    sql.getConfig().set("table.exec.mini-batch.enabled", "true");
    sql.getConfig().set("table.exec.mini-batch.allow-latency", "2 s");
    sql.getConfig().set("table.exec.mini-batch.size", "50000");
    sql.getConfig().set("table.optimizer.distinct-agg.split.enabled", "true");
    sql.executeSql(BIDS.formatted(brokers, topic));
    Query query = QUERIES.get(name);
    sql.toChangelogStream(sql.sqlQuery(query.sql())).filter(new Writer(directory, query.key())).sinkTo(new DiscardingSink<>());
    env.execute(name);
  }

  /** Writes the rows that there are in the end to a file of each subtask and lets none pass. */
  static class Writer extends RichFilterFunction<Row> {
    static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSS");

    final String directory;
    final int key;
    transient BufferedWriter out;
    transient Map<List<Object>, Row> rows;

    Writer(String directory, int key) {
      this.directory = directory;
      this.key = key;
    }

    @Override
    public void open(OpenContext context) throws Exception {
      out = Files.newBufferedWriter(Path.of(directory, "rows-" + getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() + ".csv"));
      rows = new HashMap<>();
    }

    @Override
    public boolean filter(Row row) throws Exception {
      RowKind kind = row.getKind();
      if (key == 0) {
        if (kind != RowKind.INSERT) {
          throw new IllegalStateException("a row changes: " + row);
        }
        write(row);
      } else if (kind != RowKind.UPDATE_BEFORE) { // UPDATE_AFTER follows and has the same key
        List<Object> of = new ArrayList<>(key);
        for (int i = 0; i < key; i++) {
          of.add(row.getField(i));
        }
        if (kind == RowKind.DELETE) {
          rows.remove(of);
        } else {
          rows.put(of, row);
        }
      }
      return false;
    }

    void write(Row row) throws Exception {
      for (int i = 0; i < row.getArity(); i++) {
        if (i > 0) {
          out.write(',');
        }
        Object value = row.getField(i);
        out.write(value instanceof LocalDateTime time ? TIME.format(time) : String.valueOf(value));
      }
      out.write('\n');
    }

    @Override
    public void close() throws Exception {
      if (out == null) {
        return;
      }
      for (Row row : rows.values()) {
        write(row);
      }
      out.close();
    }
  }
}
