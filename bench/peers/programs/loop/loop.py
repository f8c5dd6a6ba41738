"""The loop that many write: a consumer, a DuckDB in a file, and a query once a second."""

import json
import os
import sys
import time
from datetime import datetime

import duckdb
import pyarrow as pa
from confluent_kafka import Consumer

BATCH = 10_000
QUERY_EVERY = 1.0  # seconds

mode, brokers, topic, records, key, rows = sys.argv[1:7]
records = int(records)

SCHEMA = pa.schema([
    ("id", pa.int64()), ("ts", pa.timestamp("us", tz="UTC")), ("user", pa.string()), ("page", pa.string()),
    ("cents", pa.int64()), ("country", pa.string()), ("status", pa.int32()), ("note", pa.string()),
])
WINDOWS = f"""SELECT time_bucket(INTERVAL '1 minute', ts) AS window_start, "{key}" AS key,
  count(*) AS n, sum(cents)::BIGINT AS total, min(cents) AS least, max(cents) AS greatest FROM purchases GROUP BY ALL"""


def decode(message):
    record = json.loads(message.value())
    record["ts"] = datetime.fromisoformat(record["ts"])
    return record


def insert(db, messages):
    batch = pa.Table.from_pylist([decode(m) for m in messages], schema=SCHEMA)  # DuckDB finds it by its name
    db.execute("INSERT INTO purchases SELECT * FROM batch")


def show(db):
    for page, greatest in db.execute(f"SELECT key, max(greatest) FROM ({WINDOWS}) WHERE key >= 'page-1000' GROUP BY key").fetchall():
        print("@visible", page, greatest, time.time_ns() // 1000)


path = os.path.join(rows, "loop.duckdb")
for old in (path, path + ".wal"):
    if os.path.exists(old):
        os.remove(old)
db = duckdb.connect(path)
db.execute("""CREATE TABLE purchases (id BIGINT, ts TIMESTAMPTZ, "user" VARCHAR, page VARCHAR, cents BIGINT,
  country VARCHAR, status INTEGER, note VARCHAR)""")
print("@started")
consumer = Consumer({"bootstrap.servers": brokers, "group.id": "loop-" + topic + str(os.getpid()),
                     "auto.offset.reset": "earliest", "enable.auto.commit": True})
consumer.subscribe([topic])
done, asked = 0, time.time()
while mode == "freshness" or done < records:
    # A full batch for a replay; what there is after a moment otherwise.
    messages = [m for m in consumer.consume(BATCH, timeout=1.0 if mode == "replay" else 0.1) if not m.error()]
    if messages:
        insert(db, messages)
        done += len(messages)
    if time.time() - asked >= QUERY_EVERY:
        if mode == "freshness":
            show(db)
        else:
            db.execute(WINDOWS).fetchall()
        asked = time.time()
result = db.execute(WINDOWS).to_arrow_table()
print("@finished")
time.sleep(0.3)
db.execute(f"""COPY (SELECT epoch(window_start)::BIGINT, key, n, total, least, greatest FROM result)
  TO '{rows}/rows.csv' (FORMAT csv, HEADER false)""")
consumer.close()
