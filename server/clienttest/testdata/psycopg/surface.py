"""Walks what psycopg 3 has and prints what it gets, a part for each thing."""

import asyncio
import datetime
import decimal
import os
import sys
import threading
import time
import uuid

import psycopg
from psycopg import pq, rows, sql
from psycopg.types.json import Json

COLUMNS = [
    "a_bool", "a_int2", "a_int4", "a_int8", "a_float4", "a_float8", "a_numeric", "a_text", "a_bytea", "a_date",
    "a_time", "a_timestamp", "a_timestamptz", "a_interval", "a_uuid", "a_json",
]


def part(name):
    print("==", name)


def attempt(name, function, *arguments):
    """Runs one part; an error is what it prints."""
    part(name)
    try:
        function(*arguments)
    except psycopg.Error as e:
        print(type(e).__name__, e.sqlstate, str(e).splitlines()[0] if str(e) else "")


def show(cursor):
    for c in cursor.description or []:
        print("column", c.name, c.type_code, c.display_size, c.internal_size, c.precision, c.scale)
    for row in cursor.fetchall():
        print(row)


def connection_info(conn):
    info = conn.info
    print(info.dbname, info.user, info.host, info.server_version // 10000, info.encoding, info.status.name, info.transaction_status.name)
    for name in (
        "server_encoding", "client_encoding", "DateStyle", "IntervalStyle", "TimeZone", "integer_datetimes",
        "standard_conforming_strings", "application_name", "is_superuser", "session_authorization",
        "in_hot_standby", "default_transaction_read_only",
    ):
        print(name, info.parameter_status(name))
    print(info.timezone, conn.autocommit, conn.isolation_level, conn.read_only, conn.deferrable, info.pipeline_status.name)


def types(conn, binary):
    for c in COLUMNS:
        with conn.cursor(binary=binary) as cursor:
            try:
                cursor.execute(sql.SQL("SELECT id, {} FROM every_type WHERE id <> 2 ORDER BY id").format(sql.Identifier(c)))
                show(cursor)
            except (psycopg.Error, ValueError) as e:
                print(c, type(e).__name__, e)


def extremes(conn, binary):
    # The year 1 and the longest floats, which not every column's type reads.
    for c in COLUMNS:
        with conn.cursor(binary=binary) as cursor:
            try:
                cursor.execute(sql.SQL("SELECT {} FROM every_type WHERE id = 2").format(sql.Identifier(c)))
                print(c, repr(cursor.fetchone()))
            except (psycopg.Error, ValueError) as e:
                print(c, type(e).__name__, e)


def arrays(conn, binary):
    for text in (
        "ARRAY[1, 2, NULL]", "ARRAY['a', 'b c', NULL, 'd\"e']::text[]", "ARRAY[true, false]", "ARRAY[0.5, 2]::float8[]",
        "ARRAY[1.10, 2.25]::decimal(10,2)[]", "ARRAY['2024-02-29']::date[]", "ARRAY['2024-01-01 00:00:00+00']::timestamptz[]",
        "ARRAY['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']::uuid[]", "ARRAY[9223372036854775807]::bigint[]", "ARRAY[]::integer[]",
    ):
        with conn.cursor(binary=binary) as cursor:
            try:
                cursor.execute("SELECT " + text + " AS a")
                show(cursor)
            except psycopg.Error as e:
                print(text, type(e).__name__, e.sqlstate)


PARAMETERS = [
    ("a_bool", True), ("a_int2", 32767), ("a_int4", 2147483647), ("a_int8", 9223372036854775807), ("a_float4", 1.5),
    ("a_float8", 2.5), ("a_numeric", decimal.Decimal("12345.6789")), ("a_text", 'grüezi, "you"'), ("a_bytea", b"\x00\xff\x10"),
    ("a_date", datetime.date(2024, 2, 29)), ("a_time", datetime.time(12, 34, 56, 789000)),
    ("a_timestamp", datetime.datetime(2024, 2, 29, 12, 34, 56, 789000)),
    ("a_timestamptz", datetime.datetime(2024, 2, 29, 10, 34, 56, 789000, datetime.timezone.utc)),
    ("a_uuid", uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
]


def parameters(conn, placeholder):
    for column, value in PARAMETERS:
        try:
            query = sql.SQL("SELECT id FROM every_type WHERE {} = " + placeholder).format(sql.Identifier(column))
            print(column, conn.execute(query, [value]).fetchall())
        except psycopg.Error as e:
            print(column, type(e).__name__, e.sqlstate, str(e).splitlines()[0])
    query = "SELECT id FROM every_type WHERE id = ANY(" + placeholder + ") ORDER BY id"
    print(conn.execute(query, [[1, 3]]).fetchall())
    query = "SELECT id FROM every_type WHERE a_text = ANY(" + placeholder + ") ORDER BY id"
    print(conn.execute(query, [["", "x"]]).fetchall())


def casts(conn, placeholder):
    for typename, value in (
        ("int", 7), ("bigint", 2**40), ("text", "x"), ("float8", 0.1), ("numeric", decimal.Decimal("1.50")), ("boolean", False),
        ("date", datetime.date(2024, 1, 1)), ("timestamptz", datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)),
        ("interval", datetime.timedelta(days=1, seconds=2)), ("uuid", uuid.UUID(int=1)), ("bytea", b"\x01"), ("int[]", [1, 2]),
        ("text[]", ["a", "b,c"]), ("text", None), ("time", datetime.time(1, 2, 3)),
    ):
        try:
            cursor = conn.execute("SELECT " + placeholder + "::" + typename + " AS v", [value])
            print(typename, cursor.description[0].type_code, cursor.fetchall())
        except psycopg.Error as e:
            print(typename, type(e).__name__, e.sqlstate, str(e).splitlines()[0])


def prepared(conn):
    for i in range(3):
        cursor = conn.execute("SELECT id, name FROM customers WHERE id > %s ORDER BY id", [i], prepare=True)
        print(cursor.fetchall(), cursor.statusmessage, cursor.rowcount)
    for i in range(8):  # the driver prepares it by itself
        print(conn.execute("SELECT count(*) FROM orders WHERE order_id > %s", [i]).fetchone())


def server_cursor(conn):
    with conn.transaction():
        with conn.cursor("c1") as cursor:
            cursor.execute("SELECT id, name FROM customers ORDER BY id")
            print(cursor.fetchone(), cursor.fetchmany(1), cursor.fetchall())
            print([c.name for c in cursor.description])
        with conn.cursor("c2", scrollable=False) as cursor:
            cursor.itersize = 2
            cursor.execute("SELECT order_id FROM orders WHERE order_id > %s ORDER BY order_id", [1])
            print(list(cursor))


def held_cursor(conn):
    conn.autocommit = True
    with conn.cursor("held", withhold=True) as cursor:
        cursor.execute("SELECT id FROM customers ORDER BY id")
        print(cursor.fetchmany(2), cursor.fetchmany(2))


def streamed(conn):
    print(list(conn.cursor().stream("SELECT order_id, amount FROM orders ORDER BY order_id")))


def pipelined(conn):
    with conn.pipeline() as p:
        a = conn.execute("SELECT %s::int + 1 AS x", [1])
        b = conn.execute("SELECT count(*) FROM customers")
        p.sync()
        c = conn.execute("SELECT name FROM customers WHERE id = %s", [2])
        print(a.fetchall(), b.fetchall(), c.fetchall())
    try:
        with conn.pipeline() as p:
            conn.execute("SELECT 1 AS x")
            conn.execute("SELECT * FROM nothing")
            conn.execute("SELECT 2 AS x")
            p.sync()
    except psycopg.Error as e:
        print(type(e).__name__, e.sqlstate)
    print(conn.info.transaction_status.name)


def many(conn):
    conn.execute("CREATE TABLE many (a INTEGER, b TEXT)")
    with conn.cursor() as cursor:
        cursor.executemany("INSERT INTO many VALUES (%s, %s)", [(1, "x"), (2, "y"), (3, None)])
        print(cursor.rowcount, cursor.statusmessage)
        cursor.execute("UPDATE many SET b = %s WHERE a > %s", ["z", 1])
        print(cursor.rowcount, cursor.statusmessage)
        cursor.execute("SELECT * FROM many ORDER BY a")
        show(cursor)
        cursor.execute("DELETE FROM many WHERE a = 3")
        print(cursor.rowcount)
    conn.execute("DROP TABLE many")


def several_statements(conn):
    cursor = conn.execute("SELECT 1 AS a; SELECT 2 AS b, 3 AS c")
    while True:
        show(cursor)
        if not cursor.nextset():
            break


def factories(conn):
    query = "SELECT id, name FROM customers ORDER BY id LIMIT 1"
    for factory in (rows.tuple_row, rows.dict_row, rows.namedtuple_row, rows.scalar_row):
        print(conn.cursor(row_factory=factory).execute(query).fetchone())
    cursor = conn.cursor().execute("SELECT id FROM customers ORDER BY id")
    cursor.scroll(1)
    print(cursor.fetchone(), cursor.rownumber)


def client_side(conn):
    cursor = psycopg.ClientCursor(conn)
    print(cursor.mogrify("SELECT %s, %s", ["a'b", 1]))
    cursor.execute("SELECT name FROM customers WHERE id = %s AND name <> %s", [1, "x'y"])
    print(cursor.fetchall())
    cursor = psycopg.RawCursor(conn)
    print(cursor.execute("SELECT name FROM customers WHERE id = $1", [1]).fetchall())


def copy_out(conn):
    for query in (
        "COPY customers TO STDOUT", "COPY (SELECT id, name FROM customers ORDER BY id) TO STDOUT (FORMAT csv, HEADER)",
        "COPY (SELECT * FROM every_type ORDER BY id) TO STDOUT",
    ):
        with conn.cursor().copy(query) as copy:
            for data in copy:
                print(bytes(data))
    with conn.cursor().copy("COPY (SELECT id, name, since FROM customers ORDER BY id) TO STDOUT") as copy:
        copy.set_types(["int8", "text", "date"])
        for row in copy.rows():
            print(row)


def copy_in(conn):
    conn.execute("CREATE TABLE copied (a INTEGER, b TEXT, c TIMESTAMPTZ)")
    with conn.cursor().copy("COPY copied FROM STDIN") as copy:
        copy.write_row((1, "a\tb", datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)))
        copy.write_row((2, None, None))
    print(conn.execute("SELECT * FROM copied ORDER BY a").fetchall())
    try:
        with conn.cursor().copy("COPY copied FROM STDIN") as copy:
            copy.write("not a number\tx\t\\N\n")
    except psycopg.Error as e:
        print(type(e).__name__, e.sqlstate)
    print(conn.execute("SELECT count(*) FROM copied").fetchone())
    conn.execute("DROP TABLE copied")


def transactions(dsn):
    with psycopg.connect(dsn) as conn:
        print(conn.info.transaction_status.name)
        conn.execute("SELECT 1 AS x")
        print(conn.info.transaction_status.name)
        conn.commit()
        print(conn.info.transaction_status.name)
        try:
            conn.execute("SELECT nothing")
        except psycopg.Error as e:
            print(type(e).__name__, e.sqlstate, conn.info.transaction_status.name)
        try:
            conn.execute("SELECT 1 AS x")
        except psycopg.Error as e:
            print(type(e).__name__, e.sqlstate)
        conn.rollback()
        print(conn.info.transaction_status.name)
        for level in psycopg.IsolationLevel:
            conn.isolation_level = level
            print(level.name, conn.execute("SELECT 1 AS x").fetchone())
            conn.rollback()
        conn.isolation_level = None
        conn.read_only = True
        print(conn.execute("SHOW transaction_read_only").fetchone())
        conn.rollback()


def writes(dsn):
    """What a transaction writes is seen by itself, and by others after COMMIT."""
    with psycopg.connect(dsn, autocommit=True) as other, psycopg.connect(dsn) as conn:
        other.execute("CREATE TABLE written (id BIGINT PRIMARY KEY, name VARCHAR NOT NULL)")
        try:
            print(conn.execute("INSERT INTO written VALUES (%s, %s)", [1, "one"]).statusmessage)
            conn.cursor().executemany("INSERT INTO written VALUES (%s, %s)", [(i, str(i)) for i in range(2, 6)])
            with conn.cursor().copy("COPY written (id, name) FROM STDIN") as copy:
                copy.write_row((6, "six"))
            print(conn.execute("UPDATE written SET name = name || '!' WHERE id > 3").rowcount)
            try:
                with conn.transaction():
                    conn.execute("DELETE FROM written")
                    conn.execute("INSERT INTO written VALUES (1, NULL)")
            except psycopg.Error as e:
                print(type(e).__name__, e.sqlstate, conn.info.transaction_status.name)
            print(conn.execute("SELECT * FROM written ORDER BY id").fetchall())
            print(other.execute("SELECT count(*) FROM written").fetchone())
            conn.commit()
            print(other.execute("SELECT count(*) FROM written").fetchone())
            print(conn.execute("DELETE FROM written WHERE id > 1").rowcount)
            conn.rollback()
            print(conn.execute("SELECT count(*) FROM written").fetchone())
            conn.rollback()
            conn.read_only = True
            try:
                conn.execute("DELETE FROM written")
            except psycopg.Error as e:
                print(type(e).__name__, e.sqlstate, str(e).splitlines()[0])
            conn.rollback()
        finally:
            other.execute("DROP TABLE written")


def errors(conn):
    for query in (
        "SELEC 1", "SELECT * FROM nothing", "SELECT nothing FROM customers", "SELECT nothing(1)", "SELECT 'x'::int", "SELECT 1::nothing",
        "INSERT INTO customers (id) VALUES (1)", "INSERT INTO customers (id, name) VALUES (1, 'x')", "SELECT id FROM customers, order_items GROUP BY name",
        "CREATE TABLE customers (a INTEGER)", "DROP TABLE nothing", "SELECT 99999999999::int", "SELECT id, count(*) FROM customers",
        "SELECT 1; SELEC 2", "SELECT * FROM nothing.customers", "SELECT c.id FROM customers c, customers d WHERE id = 1",
    ):
        try:
            conn.execute(query).fetchall()
            print("no error:", query)
        except psycopg.Error as e:
            print(query, "|", type(e).__name__, e.sqlstate, e.diag.severity)


def cancelled(dsn):
    with psycopg.connect(dsn, autocommit=True) as conn:
        def cancel():
            time.sleep(0.5)
            conn.cancel_safe()

        thread = threading.Thread(target=cancel)
        thread.start()
        started = time.monotonic()
        try:
            conn.execute("SELECT count(*) FROM generate_series(1, 10000000) a(x), generate_series(1, 100000) b(y) WHERE (x * y) % 7 = 8")
        except psycopg.Error as e:
            print(type(e).__name__, e.sqlstate, time.monotonic() - started < 10)
        thread.join()
        print(conn.execute("SELECT 1 AS x").fetchone())


def timeouts(dsn):
    with psycopg.connect(dsn, autocommit=True, options="-c statement_timeout=300") as conn:
        print(conn.execute("SHOW statement_timeout").fetchone())
        try:
            conn.execute("SELECT count(*) FROM generate_series(1, 10000000) a(x), generate_series(1, 100000) b(y) WHERE (x * y) % 7 = 8")
        except psycopg.Error as e:
            print(type(e).__name__, e.sqlstate)


def notices(conn):
    got = []
    conn.add_notice_handler(lambda d: got.append((d.severity, d.sqlstate)))
    conn.execute("DROP TABLE IF EXISTS nothing")
    print(got)


def describe(conn):
    raw = conn.pgconn
    for name, query in ((b"s1", b"SELECT id, name FROM customers WHERE id = $1 AND credit > $2"), (b"s2", b"SELECT $1::text AS t, $2::date AS d")):
        result = raw.prepare(name, query)
        print(pq.ExecStatus(result.status).name)
        result = raw.describe_prepared(name)
        print([result.param_type(i) for i in range(result.nparams)])
        print([(result.fname(i), result.ftype(i), result.fmod(i), result.fsize(i)) for i in range(result.nfields)])
    result = raw.exec_(b"SELECT * FROM every_type LIMIT 0")
    print([(result.fname(i), result.ftype(i), result.fmod(i), result.fsize(i)) for i in range(result.nfields)])
    result = raw.exec_(b"SELECT oid, relname, relkind, relnatts, reltuples FROM pg_class LIMIT 0")
    print([(result.fname(i), result.ftype(i), result.fmod(i), result.fsize(i)) for i in range(result.nfields)])


def type_info(conn):
    from psycopg.types import TypeInfo

    for name in ("int4", "text", "timestamptz", "numeric", "uuid", "json", "nothing"):
        info = TypeInfo.fetch(conn, name)
        print(name, info and (info.oid, info.array_oid, info.regtype, info.delimiter))


async def asynchronous(dsn):
    async with await psycopg.AsyncConnection.connect(dsn) as conn:
        async with conn.cursor() as cursor:
            await cursor.execute("SELECT id, name FROM customers ORDER BY id")
            print([row async for row in cursor])


def main():
    dsn = ""  # all from the environment
    with psycopg.connect(dsn, application_name="surface", autocommit=True) as conn:
        attempt("connection", connection_info, conn)
        for name, binary in (("text", False), ("binary", True)):
            attempt("types " + name, types, conn, binary)
            attempt("extremes " + name, extremes, conn, binary)
            attempt("arrays " + name, arrays, conn, binary)
        for name, placeholder in (("auto", "%s"), ("text", "%t"), ("binary", "%b")):
            attempt("parameters " + name, parameters, conn, placeholder)
            attempt("casts " + name, casts, conn, placeholder)
        for function in (prepared, server_cursor, streamed, pipelined, many, several_statements, factories, client_side, copy_out,
                         copy_in, errors, notices, describe, type_info, held_cursor):
            attempt(function.__name__.replace("_", " "), function, conn)
    attempt("transactions", transactions, dsn)
    attempt("writes", writes, dsn)
    attempt("cancel", cancelled, dsn)
    attempt("statement timeout", timeouts, dsn)
    attempt("asynchronous", lambda: asyncio.run(asynchronous(dsn)))


main()
