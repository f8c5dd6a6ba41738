"""Pathway: tumbling windows over a topic of JSON."""

import csv
import datetime
import os
import sys
from time import sleep, time_ns

os.environ.setdefault("PATHWAY_THREADS", "2")

import pathway as pw

mode, brokers, topic, records, key, rows = sys.argv[1:7]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Purchase(pw.Schema):
    id: int
    ts: str
    user: str
    page: str
    cents: int
    country: str
    status: int
    note: str


print("@started")
settings = {"bootstrap.servers": brokers, "group.id": f"pathway-{topic}-{os.getpid()}", "auto.offset.reset": "earliest"}
purchases = pw.io.kafka.read(settings, topic=topic, schema=Purchase, format="json", mode="static" if mode == "replay" else "streaming")
purchases = purchases.select(
    cents=pw.this.cents, key=pw.this[key], ts=pw.this.ts.dt.strptime("%Y-%m-%dT%H:%M:%S.%fZ", contains_timezone=False))
windows = purchases.windowby(purchases.ts, window=pw.temporal.tumbling(duration=datetime.timedelta(minutes=1)), instance=purchases.key).reduce(
    start=pw.this._pw_window_start, key=pw.this._pw_instance, n=pw.reducers.count(), total=pw.reducers.sum(pw.this.cents),
    least=pw.reducers.min(pw.this.cents), greatest=pw.reducers.max(pw.this.cents))


def show(key, row, time, is_addition):  # Pathway gives them by these names
    if is_addition and row["key"] >= "page-1000":
        print("@visible", row["key"], row["greatest"], time_ns() // 1000)


if mode == "freshness":
    pw.io.subscribe(windows, on_change=show)
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
else:
    written = os.path.join(rows, "windows.txt")
    pw.io.csv.write(windows, written)
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
    print("@finished")
    sleep(0.3)
    with open(written, newline="") as source, open(os.path.join(rows, "rows.csv"), "w", newline="") as target:
        out = csv.writer(target, lineterminator="\n")
        for row in csv.DictReader(source):
            if row["diff"] != "1":
                continue  # what a row was before
            start = datetime.datetime.fromisoformat(row["start"])
            if start.tzinfo is None:
                start = start.replace(tzinfo=datetime.timezone.utc)
            seconds = int((start - EPOCH).total_seconds())
            out.writerow([seconds] + [row[name] for name in ("key", "n", "total", "least", "greatest")])
