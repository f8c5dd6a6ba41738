"""Spark Structured Streaming: a windowed count over a topic, as its guide has it."""

import glob
import os
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import nexmark

mode, brokers, topic, records, key, rows = sys.argv[1:7]

# What the pom brought for Kafka; Spark's own jars come with pyspark.
ours = [j for j in glob.glob(os.path.join(os.environ["PEER_JARS"], "*.jar"))
        if any(name in os.path.basename(j) for name in ("kafka", "commons-pool2"))]
spark = (
    SparkSession.builder.master("local[2]").appName("purchases")
    .config("spark.jars", ",".join(ours))
    .config("spark.driver.memory", "4g")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("WARN")
SCHEMA = "id BIGINT, ts TIMESTAMP, user STRING, page STRING, cents BIGINT, country STRING, status INT, note STRING"


def read(schema):
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", brokers).option("subscribe", topic).option("startingOffsets", "earliest")
        .load()
        .select(F.from_json(F.col("value").cast("string"), schema).alias("r")).select("r.*")
    )


print("@started", flush=True)
if mode == "nexmark":
    nexmark.run(spark, read(nexmark.SCHEMA), key, rows)
    print("@finished", flush=True)
    time.sleep(0.3)
    spark.stop()
    sys.exit()
windows = (
    read(SCHEMA).withWatermark("ts", "2 seconds")
    .groupBy(F.window("ts", "1 minute"), F.col(key).alias("key"))
    .agg(F.count("*").alias("n"), F.sum("cents").alias("total"), F.min("cents").alias("least"), F.max("cents").alias("greatest"))
)


def write(batch, number):
    batch.select(F.unix_timestamp("window.start"), "key", "n", "total", "least", "greatest").write.csv(os.path.join(rows, f"batch-{number}"))


def show(batch, number):
    latest = {}
    for row in batch.collect():
        latest[row.key] = max(latest.get(row.key, 0), row.greatest)
    now = time.time_ns() // 1000
    for page, greatest in latest.items():
        if page >= "page-1000":
            print("@visible", page, greatest, now, flush=True)


writer = windows.writeStream.outputMode("update").option("checkpointLocation", os.path.join(rows, "checkpoint-" + topic))
if mode == "replay":
    writer.foreachBatch(write).trigger(availableNow=True).start().awaitTermination()
    print("@finished", flush=True)
    time.sleep(0.3)
else:
    writer.foreachBatch(show).start().awaitTermination()
spark.stop()
