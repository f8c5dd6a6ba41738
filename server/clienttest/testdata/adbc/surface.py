"""Walks ADBC's PostgreSQL driver: queries read by COPY, metadata, ingestion."""

import os

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as dbapi
import pyarrow


def part(name, function, *arguments):
    print("==", name)
    try:
        function(*arguments)
    except Exception as e:
        print(type(e).__name__, getattr(e, "sqlstate", ""), str(e).partition("\n")[0])


def query(conn, text, parameters=None):
    with conn.cursor() as cursor:
        cursor.execute(text, parameters)
        result = cursor.fetch_arrow_table()
        for field in result.schema:
            print(field.name, field.type)
        for row in result.to_pylist():
            print(row)


def objects(conn):
    tables = conn.adbc_get_objects(depth="all", db_schema_filter="public").read_all().to_pylist()
    for catalog in tables:
        if catalog["catalog_name"] != os.environ["PGDATABASE"]:
            continue
        for schema in catalog["catalog_db_schemas"]:
            for table in sorted(schema["db_schema_tables"], key=lambda t: t["table_name"]):
                if "$" in table["table_name"]:
                    continue
                print(schema["db_schema_name"], table["table_name"], table["table_type"])
                for column in sorted(table["table_columns"], key=lambda c: c["ordinal_position"]):
                    print("  ", column["column_name"], column["ordinal_position"], column["remarks"])
                for constraint in table["table_constraints"]:
                    print("  ", constraint["constraint_name"], constraint["constraint_type"], constraint["constraint_column_names"])


def ingest(conn):
    table = pyarrow.table({"a": pyarrow.array([1, 2], pyarrow.int32()), "b": ["x", None], "c": [0.5, 1.5]})
    conn.adbc_connection.set_autocommit(True)
    try:
        with conn.cursor() as cursor:
            print(cursor.adbc_ingest("ingested", table, mode="create"))
        query(conn, "SELECT * FROM ingested ORDER BY a")
    finally:
        with conn.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS ingested")


def main():
    uri = "postgresql://{PGUSER}@{PGHOST}:{PGPORT}/{PGDATABASE}?sslmode=disable".format(**os.environ)
    with dbapi.connect(uri) as conn:
        info = conn.adbc_get_info()
        part("info", lambda: print(info["vendor_name"], str(info["vendor_version"])[:2]))
        for column in ("a_bool", "a_int2", "a_int4", "a_int8", "a_float4", "a_float8", "a_numeric", "a_text", "a_bytea", "a_date", "a_time",
                       "a_timestamp", "a_timestamptz", "a_interval", "a_uuid", "a_json"):
            part(column, query, conn, f"SELECT id, {column} FROM every_type ORDER BY id")
            conn.rollback()
        part("arrays", query, conn, "SELECT ARRAY[1, 2]::int[] AS i, ARRAY['a', NULL]::text[] AS t")
        conn.rollback()
        part("parameters", query, conn, "SELECT id, name FROM customers WHERE id = $1", [2])
        conn.rollback()
        part("view", query, conn, "SELECT country, orders FROM revenue ORDER BY country")
        part("schema", lambda: print(conn.adbc_get_table_schema("customers")))
        part("table types", lambda: print(sorted(conn.adbc_get_table_types())))
        part("error", query, conn, "SELECT * FROM nothing")
        conn.rollback()
        part("objects", objects, conn)
        conn.rollback()
    with dbapi.connect(uri, autocommit=True) as conn:
        part("ingest", ingest, conn)


main()
