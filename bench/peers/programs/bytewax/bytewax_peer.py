"""Bytewax: tumbling windows over a topic of JSON."""

import json
import os
import sys
import time
from datetime import datetime, timedelta, timezone

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import cluster_main

mode, brokers, topic, records, key, rows = sys.argv[1:7]
ALIGN = datetime(2026, 1, 1, tzinfo=timezone.utc)
LENGTH = timedelta(minutes=1)


def parse(message):
    record = json.loads(message.value)
    return record[key], (datetime.fromisoformat(record["ts"]), record["cents"])


def add(totals, value):
    count, total, least, greatest = totals
    cents = value[1]
    return count + 1, total + cents, min(least, cents), max(greatest, cents)


def merge(a, b):
    return a[0] + b[0], a[1] + b[1], min(a[2], b[2]), max(a[3], b[3])


class Rows(StatelessSinkPartition):
    def __init__(self, worker):
        self.out = open(os.path.join(rows, f"rows-{worker}.csv"), "w")

    def write_batch(self, items):
        for name, (window, totals) in items:
            start = int((ALIGN + window * LENGTH).timestamp())
            self.out.write(",".join(map(str, (start, name) + totals)) + "\n")

    def close(self):
        self.out.close()


class RowsSink(DynamicSink):
    def build(self, step_id, worker_index, worker_count):
        return Rows(worker_index)


print("@started")
flow = Dataflow("windows")
source = KafkaSource([brokers], [topic], tail=False, batch_size=1000)
keyed = op.map("parse", op.input("purchases", flow, source), parse)
# The partitions are read at their own pace: a replay must wait for the slower ones.
clock = win.EventClock(ts_getter=lambda value: value[0], wait_for_system_duration=timedelta(days=1))
windows = win.fold_window("totals", keyed, clock, win.TumblingWindower(length=LENGTH, align_to=ALIGN),
                          lambda: (0, 0, sys.maxsize, -sys.maxsize), add, merge, ordered=False)
op.output("rows", windows.down, RowsSink())
cluster_main(flow, [], 0, worker_count_per_proc=2)
print("@finished")
time.sleep(0.3)
