import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.sql.*;
import java.time.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

/** Walks what pgjdbc has and prints what it gets, a part for each thing. */
public class Surface {
  static final String[] COLUMNS = {
    "a_bool", "a_int2", "a_int4", "a_int8", "a_float4", "a_float8", "a_numeric", "a_text", "a_bytea", "a_date", "a_time",
    "a_timestamp", "a_timestamptz", "a_interval", "a_uuid", "a_json"};

  interface Part {
    void run() throws Exception;
  }

  static void part(String name, Part p) {
    System.out.println("== " + name);
    try {
      p.run();
    } catch (SQLException e) {
      System.out.println("SQLException " + e.getSQLState() + " " + e.getMessage().split("\n")[0]);
    } catch (Exception e) {
      System.out.println(e);
    }
  }

  static String show(Object o) throws SQLException {
    if (o == null) return "null";
    if (o instanceof byte[]) return Arrays.toString((byte[]) o);
    if (o instanceof java.sql.Array) return Arrays.deepToString((Object[]) ((java.sql.Array) o).getArray());
    return o.toString();
  }

  static void types(ResultSet rs) throws SQLException {
    ResultSetMetaData m = rs.getMetaData();
    for (int i = 1; i <= m.getColumnCount(); i++) {
      System.out.println(
          "column " + m.getColumnLabel(i) + " " + m.getColumnTypeName(i) + " " + m.getColumnType(i) + " " + m.getColumnClassName(i) + " "
              + m.getPrecision(i) + " " + m.getScale(i) + " " + m.getColumnDisplaySize(i) + " " + m.isNullable(i) + " " + m.isSigned(i)
              + " " + m.isAutoIncrement(i) + " " + m.getTableName(i) + "." + m.getColumnName(i));
    }
  }

  static void rows(ResultSet rs) throws SQLException {
    ResultSetMetaData m = rs.getMetaData();
    while (rs.next()) {
      StringBuilder b = new StringBuilder();
      for (int i = 1; i <= m.getColumnCount(); i++) b.append(i > 1 ? " | " : "").append(show(rs.getObject(i)));
      System.out.println(b);
    }
    rs.close();
  }

  /** Prints some columns of a metadata call. */
  static void meta(ResultSet rs, String... names) throws SQLException {
    ResultSetMetaData m = rs.getMetaData();
    StringBuilder header = new StringBuilder();
    for (int i = 1; i <= m.getColumnCount(); i++) header.append(m.getColumnLabel(i)).append(":").append(m.getColumnTypeName(i)).append(" ");
    System.out.println(header.toString().trim());
    while (rs.next()) {
      StringBuilder b = new StringBuilder();
      for (String n : names) b.append(b.length() > 0 ? " | " : "").append(rs.getString(n));
      System.out.println(b);
    }
    rs.close();
  }

  static String env(String name) {
    return System.getenv(name);
  }

  static Connection connect(String options) throws SQLException {
    return DriverManager.getConnection(
        "jdbc:postgresql://" + env("PGHOST") + ":" + env("PGPORT") + "/" + env("PGDATABASE") + "?user=" + env("PGUSER") + "&password=x&sslmode=disable" + options);
  }

  public static void main(String[] args) throws Exception {
    TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
    for (String binary : new String[] {"text", "binary"}) {
      try (Connection c = connect(binary.equals("text") ? "&binaryTransfer=false" : "&prepareThreshold=-1&binaryTransferEnable=numeric")) {
        values(c, binary);
        parameters(c, binary);
      }
    }
    try (Connection c = connect("")) {
      metadata(c);
      database(c);
      statements(c);
      copies(c);
    }
    transactions();
    cancel();
  }

  static void values(Connection c, String format) {
    part("types " + format, () -> {
      types(c.createStatement().executeQuery("SELECT * FROM every_type"));
    });
    for (String column : COLUMNS) {
      part(format + " " + column, () -> {
        try (PreparedStatement s = c.prepareStatement("SELECT " + column + " FROM every_type ORDER BY id")) {
          rows(s.executeQuery());
          if (column.equals("a_bytea")) return; // a String of it is an address
          try (ResultSet rs = s.executeQuery()) {
            while (rs.next()) System.out.println(rs.getString(1) + " " + rs.wasNull());
          }
        }
      });
    }
    part(format + " java.time", () -> {
      try (PreparedStatement s = c.prepareStatement("SELECT a_date, a_time, a_timestamp, a_timestamptz FROM every_type WHERE id = 1");
          ResultSet rs = s.executeQuery()) {
        rs.next();
        System.out.println(rs.getObject(1, LocalDate.class) + " " + rs.getObject(2, LocalTime.class) + " " + rs.getObject(3, LocalDateTime.class) + " "
            + rs.getObject(4, OffsetDateTime.class) + " " + rs.getTimestamp(4) + " " + rs.getDate(4));
      }
    });
    part(format + " arrays", () -> {
      try (PreparedStatement s = c.prepareStatement(
          "SELECT ARRAY[1, 2, NULL] AS i, ARRAY['a', 'b c']::text[] AS t, ARRAY[true, false] AS b, ARRAY[0.5, 1]::float8[] AS f, ARRAY[1.25]::decimal(10,2)[] AS n")) {
        types(s.executeQuery());
        rows(s.executeQuery());
      }
    });
  }

  static void parameters(Connection c, String format) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("a_bool", true);
    values.put("a_int2", (short) 32767);
    values.put("a_int4", 2147483647);
    values.put("a_int8", 9223372036854775807L);
    values.put("a_float4", 1.5f);
    values.put("a_float8", 2.5);
    values.put("a_numeric", new BigDecimal("12345.6789"));
    values.put("a_text", "grüezi, \"you\"");
    values.put("a_bytea", new byte[] {0, -1, 16});
    values.put("a_date", LocalDate.of(2024, 2, 29));
    values.put("a_time", LocalTime.of(12, 34, 56, 789000000));
    values.put("a_timestamp", LocalDateTime.of(2024, 2, 29, 12, 34, 56, 789000000));
    values.put("a_timestamptz", OffsetDateTime.of(2024, 2, 29, 12, 34, 56, 789000000, ZoneOffset.ofHours(2)));
    values.put("a_uuid", UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
    for (Map.Entry<String, Object> e : values.entrySet()) {
      part(format + " parameter " + e.getKey(), () -> {
        try (PreparedStatement s = c.prepareStatement("SELECT id FROM every_type WHERE " + e.getKey() + " = ?")) {
          s.setObject(1, e.getValue());
          rows(s.executeQuery());
        }
      });
    }
    part(format + " other setters", () -> {
      try (PreparedStatement s = c.prepareStatement("SELECT id FROM every_type WHERE a_timestamp = ? OR a_date = ? OR a_text = ? OR a_int4 IS NOT DISTINCT FROM ? ORDER BY id")) {
        s.setTimestamp(1, Timestamp.valueOf("2024-02-29 12:34:56.789"));
        s.setDate(2, java.sql.Date.valueOf("0001-01-01"));
        s.setNull(3, Types.VARCHAR);
        s.setNull(4, Types.INTEGER);
        ParameterMetaData m = s.getParameterMetaData();
        for (int i = 1; i <= m.getParameterCount(); i++) System.out.println(m.getParameterTypeName(i) + " " + m.getParameterType(i));
        rows(s.executeQuery());
      }
      try (PreparedStatement s = c.prepareStatement("SELECT id FROM every_type WHERE id = ANY (?) ORDER BY id")) {
        s.setArray(1, c.createArrayOf("int4", new Object[] {1, 3}));
        rows(s.executeQuery());
      }
    });
  }

  static void metadata(Connection c) throws SQLException {
    DatabaseMetaData m = c.getMetaData();
    part("getTables", () -> meta(m.getTables(null, "public", "%", null), "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS"));
    part("getTables by type", () -> meta(m.getTables(null, null, "cust%", new String[] {"TABLE", "VIEW"}), "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE"));
    part("getTables materialized", () -> meta(m.getTables(null, "public", "%", new String[] {"MATERIALIZED VIEW"}), "TABLE_NAME", "TABLE_TYPE"));
    part("getTableTypes", () -> meta(m.getTableTypes(), "TABLE_TYPE"));
    part("getColumns", () -> meta(m.getColumns(null, "public", "%", "%"), "TABLE_NAME", "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE",
        "DECIMAL_DIGITS", "NUM_PREC_RADIX", "NULLABLE", "REMARKS", "COLUMN_DEF", "ORDINAL_POSITION", "IS_NULLABLE", "IS_AUTOINCREMENT", "CHAR_OCTET_LENGTH"));
    part("getPrimaryKeys", () -> {
      for (String t : new String[] {"customers", "order_items", "notes"})
        meta(m.getPrimaryKeys(null, "public", t), "TABLE_NAME", "COLUMN_NAME", "KEY_SEQ", "PK_NAME");
    });
    part("getIndexInfo", () -> {
      for (String t : new String[] {"customers", "order_items", "notes"})
        meta(m.getIndexInfo(null, "public", t, false, true), "TABLE_NAME", "NON_UNIQUE", "INDEX_NAME", "TYPE", "ORDINAL_POSITION", "COLUMN_NAME", "ASC_OR_DESC");
    });
    part("getBestRowIdentifier", () -> meta(m.getBestRowIdentifier(null, "public", "order_items", DatabaseMetaData.bestRowSession, true), "COLUMN_NAME", "TYPE_NAME"));
    part("getVersionColumns", () -> meta(m.getVersionColumns(null, "public", "customers"), "COLUMN_NAME", "TYPE_NAME"));
    part("getImportedKeys", () -> meta(m.getImportedKeys(null, "public", "order_items"), "FKTABLE_NAME"));
    part("getExportedKeys", () -> meta(m.getExportedKeys(null, "public", "customers"), "FKTABLE_NAME"));
    part("getCrossReference", () -> meta(m.getCrossReference(null, "public", "customers", null, "public", "order_items"), "FKTABLE_NAME"));
    part("getSchemas", () -> meta(m.getSchemas(), "TABLE_SCHEM"));
    part("getSchemas by name", () -> meta(m.getSchemas(null, "pub%"), "TABLE_SCHEM"));
    part("getCatalogs", () -> meta(m.getCatalogs(), "TABLE_CAT"));
    part("getTypeInfo", () -> {
      // The types come in no order, and PostgreSQL has one for each of its relations.
      Set<String> ours = new HashSet<>(Arrays.asList("bool", "int2", "int4", "int8", "float4", "float8", "numeric", "text", "bytea", "date", "time",
          "timestamp", "timestamptz", "interval", "uuid", "json", "oid", "name", "_int4", "_text", "varchar"));
      Set<String> lines = new TreeSet<>();
      try (ResultSet rs = m.getTypeInfo()) {
        while (rs.next())
          if (ours.contains(rs.getString("TYPE_NAME")))
            lines.add(rs.getString("TYPE_NAME") + " " + rs.getInt("DATA_TYPE") + " " + rs.getInt("PRECISION") + " " + rs.getBoolean("CASE_SENSITIVE"));
      }
      for (String line : lines) System.out.println(line);
    });
    part("getUDTs", () -> meta(m.getUDTs(null, "public", "%", null), "TYPE_NAME"));
    part("getProcedures", () -> meta(m.getProcedures(null, "public", "%"), "PROCEDURE_NAME"));
    part("getFunctions", () -> meta(m.getFunctions(null, "public", "%"), "FUNCTION_NAME"));
    part("getFunctionColumns", () -> meta(m.getFunctionColumns(null, "public", "%", "%"), "FUNCTION_NAME"));
    part("getTablePrivileges", () -> meta(m.getTablePrivileges(null, "public", "customers"), "TABLE_NAME", "GRANTEE", "PRIVILEGE"));
    part("getColumnPrivileges", () -> meta(m.getColumnPrivileges(null, "public", "customers", "id"), "COLUMN_NAME", "PRIVILEGE"));
    part("getClientInfoProperties", () -> meta(m.getClientInfoProperties(), "NAME", "MAX_LEN", "DEFAULT_VALUE"));
  }

  static void database(Connection c) throws SQLException {
    DatabaseMetaData m = c.getMetaData();
    part("database", () -> System.out.println(m.getDatabaseProductName() + " " + m.getDatabaseMajorVersion() + " " + m.getUserName() + " " + m.isReadOnly()
        + " " + m.getMaxColumnNameLength() + " " + m.getMaxConnections() + " " + m.getDefaultTransactionIsolation() + " " + m.getIdentifierQuoteString()));
    part("keywords", () -> System.out.println(m.getSQLKeywords()));
    part("functions", () -> System.out.println(m.getNumericFunctions() + m.getStringFunctions() + m.getTimeDateFunctions()));
    part("connection", () -> System.out.println(c.getCatalog() + " " + c.getSchema() + " " + c.getTransactionIsolation() + " " + c.getAutoCommit() + " " + c.isReadOnly() + " " + c.isValid(5)));
    part("setters", () -> {
      c.setSchema("public");
      c.setClientInfo("ApplicationName", "surface");
      System.out.println(c.getSchema() + " " + c.getClientInfo());
      c.setReadOnly(true);
      System.out.println(c.isReadOnly());
      c.setReadOnly(false);
      for (int level : new int[] {Connection.TRANSACTION_READ_COMMITTED, Connection.TRANSACTION_REPEATABLE_READ, Connection.TRANSACTION_SERIALIZABLE}) {
        c.setTransactionIsolation(level);
        System.out.println(c.getTransactionIsolation());
      }
    });
  }

  static void statements(Connection c) {
    part("prepared on the server", () -> {
      try (PreparedStatement s = c.prepareStatement("SELECT id, name, credit FROM customers WHERE id >= ? ORDER BY id")) {
        for (int i = 0; i < 8; i++) {
          s.setLong(1, i % 3 + 1);
          rows(s.executeQuery());
        }
      }
    });
    part("fetch size", () -> {
      c.setAutoCommit(false);
      try (PreparedStatement s = c.prepareStatement("SELECT order_id FROM orders ORDER BY order_id")) {
        s.setFetchSize(3);
        rows(s.executeQuery());
      }
      c.commit();
      c.setAutoCommit(true);
    });
    part("max rows", () -> {
      try (Statement s = c.createStatement()) {
        s.setMaxRows(2);
        rows(s.executeQuery("SELECT order_id FROM orders ORDER BY order_id"));
      }
    });
    part("scrollable", () -> {
      try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY); ResultSet rs = s.executeQuery("SELECT id FROM customers ORDER BY id")) {
        rs.last();
        System.out.println(rs.getRow() + " " + rs.getLong(1));
        rs.absolute(1);
        System.out.println(rs.getLong(1));
      }
    });
    part("updates", () -> {
      try (Statement s = c.createStatement()) {
        s.execute("CREATE TABLE jdbc (a INTEGER PRIMARY KEY, b TEXT)");
        System.out.println(s.executeUpdate("INSERT INTO jdbc VALUES (1, 'x'), (2, 'y')"));
        System.out.println(s.executeUpdate("UPDATE jdbc SET b = 'z'"));
        try (PreparedStatement p = c.prepareStatement("INSERT INTO jdbc VALUES (?, ?)")) {
          for (int i = 3; i < 6; i++) {
            p.setInt(1, i);
            p.setString(2, "v" + i);
            p.addBatch();
          }
          System.out.println(Arrays.toString(p.executeBatch()));
        }
        rows(s.executeQuery("SELECT * FROM jdbc ORDER BY a"));
        System.out.println(s.executeUpdate("DELETE FROM jdbc WHERE a > 2"));
        s.execute("DROP TABLE jdbc");
      }
    });
    part("several statements", () -> {
      try (Statement s = c.createStatement()) {
        boolean result = s.execute("SELECT 1 AS a; SELECT 2 AS b");
        while (result) {
          rows(s.getResultSet());
          result = s.getMoreResults();
        }
      }
    });
    for (String sql : new String[] {"SELEC 1", "SELECT * FROM nothing", "SELECT nothing FROM customers", "SELECT 'x'::int", "INSERT INTO customers (id, name) VALUES (1, 'x')"}) {
      part("error of " + sql, () -> c.createStatement().execute(sql));
    }
    part("warnings", () -> {
      try (Statement s = c.createStatement()) {
        s.execute("DROP TABLE IF EXISTS nothing");
        System.out.println(s.getWarnings() == null ? "none" : s.getWarnings().getMessage());
      }
    });
    part("catalog types", () -> types(c.createStatement().executeQuery("SELECT c.oid, c.relname, c.relkind, c.relnatts, t.typname, t.typinput FROM pg_class c, pg_type t LIMIT 0")));
    part("escapes", () -> rows(c.createStatement().executeQuery("SELECT {fn ucase('a')} AS a, {d '2024-01-01'} AS d, {ts '2024-01-01 00:00:00'} AS t")));
  }

  static void copies(Connection c) {
    part("copy out", () -> {
      CopyManager m = c.unwrap(PGConnection.class).getCopyAPI();
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      System.out.println(m.copyOut("COPY (SELECT * FROM customers ORDER BY id) TO STDOUT WITH (FORMAT csv)", out));
      System.out.print(out.toString("UTF-8"));
    });
    part("copy in", () -> {
      CopyManager m = c.unwrap(PGConnection.class).getCopyAPI();
      c.createStatement().execute("CREATE TABLE copied (a INTEGER, b TEXT)");
      System.out.println(m.copyIn("COPY copied FROM STDIN WITH (FORMAT csv)", new StringReader("1,x\n2,\n")));
      rows(c.createStatement().executeQuery("SELECT * FROM copied ORDER BY a"));
      c.createStatement().execute("DROP TABLE copied");
    });
  }

  static void transactions() throws SQLException {
    try (Connection c = connect("")) {
      part("transactions", () -> {
        c.setAutoCommit(false);
        rows(c.createStatement().executeQuery("SELECT 1 AS a"));
        c.commit();
        try {
          c.createStatement().execute("SELECT nothing");
        } catch (SQLException e) {
          System.out.println(e.getSQLState());
        }
        try {
          c.createStatement().execute("SELECT 1");
        } catch (SQLException e) {
          System.out.println(e.getSQLState());
        }
        c.rollback();
        rows(c.createStatement().executeQuery("SELECT 2 AS a"));
        c.rollback();
      });
      part("writes in transactions", () -> {
        try (Connection other = connect("")) {
          other.createStatement().execute("CREATE TABLE written (id BIGINT PRIMARY KEY, name VARCHAR)");
          try (PreparedStatement s = c.prepareStatement("INSERT INTO written VALUES (?, ?)")) {
            for (int i = 1; i <= 3; i++) {
              s.setLong(1, i);
              s.setString(2, "n" + i);
              s.addBatch();
            }
            System.out.println(s.executeBatch().length);
          }
          java.sql.Savepoint before = c.setSavepoint();
          System.out.println(c.createStatement().executeUpdate("DELETE FROM written WHERE id > 1"));
          c.rollback(before);
          System.out.println(c.createStatement().executeUpdate("UPDATE written SET name = 'x' WHERE id > 1"));
          rows(c.createStatement().executeQuery("SELECT * FROM written ORDER BY id"));
          rows(other.createStatement().executeQuery("SELECT count(*) AS n FROM written"));
          c.commit();
          rows(other.createStatement().executeQuery("SELECT count(*) AS n FROM written"));
          other.createStatement().execute("DROP TABLE written");
        }
      });
    }
  }

  // canceled runs a statement that a cancel request ends. One was without effect once, on a
  // busy machine and against PostgreSQL. The statement then ends by its timeout, and is run
  // once more.
  static void canceled(Part p) throws Exception {
    for (int left = 3;; left--) {
      try {
        p.run();
        return;
      } catch (SQLException e) {
        if (left == 1 || !e.getMessage().contains("statement timeout")) throw e;
      }
    }
  }

  static void cancel() throws SQLException {
    try (Connection c = connect("")) {
      c.createStatement().execute("SET statement_timeout = '10s'");
      String slow = "SELECT count(*) FROM generate_series(1, 10000000) a(x), generate_series(1, 100000) b(y) WHERE (x * y) % 7 = 8";
      part("query timeout", () -> canceled(() -> {
        Statement s = c.createStatement();
        s.setQueryTimeout(1);
        s.executeQuery(slow);
      }));
      part("cancel", () -> canceled(() -> {
        Statement s = c.createStatement();
        new Timer(true).schedule(new TimerTask() {
          public void run() {
            try {
              s.cancel();
            } catch (SQLException e) {
              System.out.println(e);
            }
          }
        }, 500);
        s.executeQuery(slow);
      }));
      part("after cancel", () -> rows(c.createStatement().executeQuery("SELECT 1 AS a")));
    }
  }
}
