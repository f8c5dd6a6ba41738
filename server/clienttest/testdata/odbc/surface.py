"""Walks psqlODBC through pyodbc, as Tableau's classic driver does."""

import datetime
import decimal
import os
import sys

import pyodbc

pyodbc.pooling = False


def part(name, function, *arguments):
    print("==", name)
    try:
        function(*arguments)
    except pyodbc.Error as e:
        print(type(e).__name__, e.args[0], e.args[1].partition("\n")[0][:150])


def rows(cursor, *columns):
    for row in cursor.fetchall():
        if columns:
            print([getattr(row, c) for c in columns])
        else:
            print(list(row))


def connect(extra=""):
    where = "SERVER={PGHOST};PORT={PGPORT};UID={PGUSER};PWD=x;DATABASE={PGDATABASE};SSLmode=disable;".format(**os.environ)
    return pyodbc.connect("DRIVER={PostgreSQL Unicode};" + where + extra, autocommit=True)


def metadata(c):
    tables = ["customers", "order_items", "notes", "every_type", "orders", "revenue"]
    part("tables", lambda: [print([r.table_schem, r.table_name, r.table_type, r.remarks]) for r in c.cursor().tables(schema="public") if "$" not in r.table_name])
    part("tables by type", lambda: rows(c.cursor().tables(table="cust%", tableType="TABLE"), "table_name", "table_type"))
    part("schemas", lambda: print(any(r.table_schem == "public" for r in c.cursor().tables(catalog="", schema="%", table=""))))
    for t in tables:
        part("columns of " + t, lambda: rows(c.cursor().columns(table=t, schema="public"), "column_name", "data_type", "type_name", "column_size",
             "buffer_length", "decimal_digits", "num_prec_radix", "nullable", "remarks", "column_def", "ordinal_position", "is_nullable"))
        part("keys of " + t, lambda: rows(c.cursor().primaryKeys(table=t, schema="public"), "column_name", "key_seq", "pk_name"))
        part("statistics of " + t, lambda: rows(c.cursor().statistics(table=t, schema="public"), "non_unique", "index_name", "type", "ordinal_position", "column_name"))
        part("foreign keys of " + t, lambda: rows(c.cursor().foreignKeys(table=t)))
        part("row id of " + t, lambda: rows(c.cursor().rowIdColumns(table=t), "column_name", "type_name"))
    part("procedures", lambda: rows(c.cursor().procedures(schema="public")))
    part("type info", lambda: print(sorted(r.type_name for r in c.cursor().getTypeInfo())))
    part("info", lambda: print(c.getinfo(pyodbc.SQL_DBMS_NAME), c.getinfo(pyodbc.SQL_DBMS_VER)[:2], c.getinfo(pyodbc.SQL_DATABASE_NAME), c.getinfo(pyodbc.SQL_IDENTIFIER_QUOTE_CHAR)))


def values(c):
    for column in ("a_bool", "a_int2", "a_int4", "a_int8", "a_float4", "a_float8", "a_numeric", "a_text", "a_bytea", "a_date", "a_time", "a_timestamp",
                   "a_timestamptz", "a_interval", "a_uuid", "a_json"):
        def one():
            cursor = c.cursor().execute(f"SELECT {column} FROM every_type WHERE id <> 2 ORDER BY id")
            print([(d[0], d[1].__name__, d[3], d[4], d[5]) for d in cursor.description])
            rows(cursor)
        part(column, one)
    for column, value in (("a_int4", 2147483647), ("a_int8", 9223372036854775807), ("a_float8", 2.5), ("a_numeric", decimal.Decimal("12345.6789")),
                          ("a_text", 'grüezi, "you"'), ("a_date", datetime.date(2024, 2, 29)), ("a_timestamp", datetime.datetime(2024, 2, 29, 12, 34, 56, 789000)),
                          ("a_bool", True)):
        part("parameter " + column, lambda: rows(c.cursor().execute(f"SELECT id FROM every_type WHERE {column} = ?", value)))
    part("several", lambda: rows(c.cursor().execute("SELECT id, name FROM customers WHERE id > ? AND name <> ? ORDER BY id", 0, "x")))


def statements(c):
    def changes():
        cursor = c.cursor()
        cursor.execute("DROP TABLE IF EXISTS odbc")
        cursor.execute("CREATE TABLE odbc (a INTEGER, b VARCHAR(20))")
        cursor.executemany("INSERT INTO odbc VALUES (?, ?)", [(1, "x"), (2, None)])
        print(cursor.execute("UPDATE odbc SET b = 'y'").rowcount)
        rows(cursor.execute("SELECT * FROM odbc ORDER BY a"))
        cursor.execute("DROP TABLE odbc")
    part("changes", changes)
    for text in ("SELEC 1", "SELECT * FROM nothing", "SELECT nothing FROM customers"):
        part("error of " + text, c.cursor().execute, text)


def main():
    for name, extra in (("plain", ""), ("server side prepare off", "UseServerSidePrepare=0;"), ("declare and fetch", "UseDeclareFetch=1;Fetch=2;")):
        c = connect(extra)
        part("connection " + name, lambda: rows(c.cursor().execute("SELECT id, name FROM customers ORDER BY id")))
        part("orders " + name, lambda: rows(c.cursor().execute("SELECT order_id FROM orders WHERE order_id > ? ORDER BY order_id", 1)))
        c.close()
    c = connect()
    metadata(c)
    values(c)
    statements(c)
    c.close()


main()
