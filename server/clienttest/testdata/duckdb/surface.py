"""Attaches the server to a DuckDB by its postgres extension, which reads the
catalog itself and rows by binary COPY."""

import os

import duckdb
import duckdb_extension_postgres_scanner as extension


def part(duck, name, *statements):
    print("==", name)
    try:
        for statement in statements:
            result = duck.execute(statement)
            if statement.startswith(("SELECT", "FROM")):
                print([f"{column[0]} {column[1]}" for column in result.description])
                for row in result.fetchall():
                    print(row)
    except Exception as e:
        print(type(e).__name__, str(e).partition("\n")[0])


def main():
    duck = duckdb.connect()
    version = "v" + duckdb.__version__
    duck.execute(f"LOAD '{os.path.dirname(extension.__file__)}/extensions/{version}/postgres_scanner.duckdb_extension'")
    duck.execute("SET TimeZone = 'UTC'")
    place = "host={PGHOST} port={PGPORT} user={PGUSER} dbname={PGDATABASE}".format(**os.environ)
    part(duck, "attach", f"ATTACH '{place}' AS pg (TYPE postgres)")
    part(duck, "tables", "SELECT table_name, column_count FROM duckdb_tables() WHERE database_name = 'pg' AND schema_name = 'public' ORDER BY ALL")
    part(duck, "columns", "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
         "WHERE database_name = 'pg' AND schema_name = 'public' AND table_name IN ('customers', 'every_type', 'revenue') ORDER BY table_name, column_index")
    part(duck, "constraints", "SELECT table_name, constraint_type, constraint_column_names FROM duckdb_constraints() "
         "WHERE database_name = 'pg' AND schema_name = 'public' ORDER BY ALL")
    part(duck, "a table", "SELECT * FROM pg.customers ORDER BY id")
    for column in ("a_bool", "a_int2", "a_int4", "a_int8", "a_float4", "a_float8", "a_numeric", "a_text", "a_bytea", "a_date", "a_time",
                   "a_timestamp", "a_interval", "a_uuid", "a_json"):
        part(duck, column, f"SELECT id, {column} FROM pg.every_type ORDER BY id")
    part(duck, "a_timestamptz", "SELECT id, a_timestamptz::VARCHAR AS a_timestamptz FROM pg.every_type ORDER BY id")
    part(duck, "a materialized view", "SELECT * FROM pg.revenue ORDER BY country")
    part(duck, "a count", "SELECT count(*) AS n FROM pg.orders")
    part(duck, "a filter", "SELECT name FROM pg.customers WHERE id = 2 AND country = 'FR'")
    part(duck, "a filter of times", "SELECT order_id FROM pg.orders WHERE ts >= TIMESTAMPTZ '2024-01-01 00:01:00Z' ORDER BY 1")
    part(duck, "a limit", "SELECT count(*) AS n FROM (FROM pg.order_items LIMIT 2)")
    part(duck, "a join", "SELECT c.name, i.product FROM pg.customers c JOIN pg.order_items i ON c.id = i.order_id ORDER BY ALL")
    part(duck, "a join with rows of DuckDB", "SELECT c.name, x FROM pg.customers c JOIN (VALUES (1, 'a'), (3, 'b')) v(id, x) USING (id) ORDER BY ALL")
    part(duck, "a query", "FROM postgres_query('pg', 'SELECT country, sum(amount) AS total FROM orders GROUP BY country ORDER BY country')")
    part(duck, "a transaction", "BEGIN", "SELECT count(*) AS n FROM pg.orders", "SELECT count(*) AS n FROM pg.revenue", "COMMIT")
    part(duck, "an error", "FROM postgres_query('pg', 'SELECT * FROM nothing')")
    part(duck, "execute", "CALL postgres_execute('pg', 'CREATE TABLE ducks (id BIGINT PRIMARY KEY, name TEXT)', use_transaction := false)", "CALL pg_clear_cache()")
    part(duck, "insert as text", "SET pg_use_binary_copy = false", "INSERT INTO pg.ducks VALUES (1, 'Mallard'), (2, NULL), (3, 'a\tb')",
         "SELECT * FROM pg.ducks ORDER BY id")
    part(duck, "insert as binary", "SET pg_use_binary_copy = true", "INSERT INTO pg.ducks VALUES (4, 'Teal'), (5, NULL)", "SELECT * FROM pg.ducks ORDER BY id")
    part(duck, "update", "UPDATE pg.ducks SET name = 'Eider' WHERE id = 2", "SELECT * FROM pg.ducks ORDER BY id")
    part(duck, "delete", "DELETE FROM pg.ducks WHERE id = 1", "SELECT * FROM pg.ducks ORDER BY id")
    part(duck, "drop", "DROP TABLE pg.ducks", "SELECT count(*) AS n FROM duckdb_tables() WHERE table_name = 'ducks'")
    duck.execute("CALL postgres_execute('pg', 'DROP TABLE IF EXISTS ducks', use_transaction := false)")


main()
