import java.io.BufferedWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichFilterFunction;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;

/** Flink SQL in a local mini cluster: the windows of a topic. */
public class FlinkPeer {
  static final int PARALLELISM = 2;

  public static void main(String[] args) throws Exception {
    String mode = args[0], brokers = args[1], topic = args[2], key = args[4], rows = args[5];
    boolean replay = mode.equals("replay");

    Configuration settings = new Configuration();
    settings.setString("pipeline.object-reuse", "true");
    settings.setString("taskmanager.numberOfTaskSlots", String.valueOf(PARALLELISM));
    settings.setString("taskmanager.memory.network.max", "256 mb");
    settings.setString("table.local-time-zone", "UTC");
    if (mode.equals("freshness")) {
      settings.setString("table.exec.state.ttl", "10 min"); // a group aggregation has no windows that close
    }
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(PARALLELISM, settings);
    StreamTableEnvironment sql = StreamTableEnvironment.create(env);

    System.out.println("@started");
    if (mode.equals("nexmark")) {
      Nexmark.run(env, sql, brokers, topic, key, rows);
      System.out.println("@finished");
      Thread.sleep(300);
      System.exit(0);
    }
    sql.executeSql(
        """
        CREATE TABLE purchases (
          id BIGINT, ts TIMESTAMP_LTZ(3), `user` STRING, page STRING, cents BIGINT, country STRING, status INT, note STRING,
          WATERMARK FOR ts AS ts - INTERVAL '2' SECOND
        ) WITH (
          'connector' = 'kafka', 'properties.bootstrap.servers' = '%s', 'topic' = '%s', 'scan.startup.mode' = 'earliest-offset',
          %s
          'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601'
        )"""
            .formatted(brokers, topic, replay ? "'scan.bounded.mode' = 'latest-offset'," : ""));
    if (replay) {
      Table windows = sql.sqlQuery(
          """
          SELECT window_start, `%1$s`, COUNT(*), SUM(cents), MIN(cents), MAX(cents)
          FROM TABLE(TUMBLE(TABLE purchases, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
          GROUP BY window_start, window_end, `%1$s`"""
              .formatted(key));
      sql.toDataStream(windows).filter(new Writer(rows)).sinkTo(new DiscardingSink<>());
      env.execute("windows");
      System.out.println("@finished");
      Thread.sleep(300);
    } else {
      // A window of TUMBLE comes out when it closes. A group comes out as it changes.
      Table minutes = sql.sqlQuery(
          """
          SELECT page, FLOOR(ts TO MINUTE), COUNT(*), SUM(cents), MIN(cents), MAX(cents)
          FROM purchases GROUP BY page, FLOOR(ts TO MINUTE)""");
      sql.toChangelogStream(minutes).filter(new Shower()).sinkTo(new DiscardingSink<>());
      env.execute("minutes");
    }
    System.exit(0);
  }

  /** Writes rows to a file of each subtask and lets none pass. */
  static class Writer extends RichFilterFunction<Row> {
    final String directory;
    transient BufferedWriter out;

    Writer(String directory) {
      this.directory = directory;
    }

    @Override
    public void open(OpenContext context) throws Exception {
      out = Files.newBufferedWriter(Path.of(directory, "rows-" + getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() + ".csv"));
    }

    @Override
    public boolean filter(Row row) throws Exception {
      out.write(String.valueOf(((LocalDateTime) row.getField(0)).toEpochSecond(ZoneOffset.UTC)));
      for (int i = 1; i < row.getArity(); i++) {
        out.write(",");
        out.write(String.valueOf(row.getField(i)));
      }
      out.write("\n");
      return false;
    }

    @Override
    public void close() throws Exception {
      if (out != null) {
        out.close();
      }
    }
  }

  /** Prints the rows of the probes' pages and lets none pass. */
  static class Shower extends RichFilterFunction<Row> {
    @Override
    public boolean filter(Row row) {
      String page = (String) row.getField(0);
      if (row.getKind() != RowKind.UPDATE_BEFORE && page.compareTo("page-1000") >= 0) {
        Instant at = Instant.now();
        System.out.println("@visible " + page + " " + row.getField(5) + " " + (at.getEpochSecond() * 1_000_000 + at.getNano() / 1000));
      }
      return false;
    }
  }
}
