"""Nexmark's queries over a full topic of bids, in Spark's SQL."""

import os

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

SCHEMA = "auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, date_time TIMESTAMP, extra STRING"
DAY = "date_format(date_time, 'yyyy-MM-dd')"
RANGES = ("true", "price < 10000", "price >= 10000 AND price < 1000000", "price >= 1000000")

# Of all bids and of those in three ranges of prices.
BIDS = ", ".join(f"count_if({r})" for r in RANGES)


def distinct(column):
    """count(DISTINCT) is refused on a stream; the set that it would count is not."""
    return ", ".join(f"size(collect_set(CASE WHEN {r} THEN {column} END))" for r in RANGES)


STATISTICS = f"{BIDS}, {distinct('bidder')}, {distinct('auction')}"
LATEST = "max_by(struct(price, channel, url, date_time, extra), struct(date_time, price, extra))"

# Each with the output mode. A stream without aggregation has append. A ranking of what an
# aggregation gives is done in each batch, which therefore has to have all of it: complete.
QUERIES = {
    "q0": ("append", "SELECT auction, bidder, price, date_time, extra FROM bid"),
    "q1": ("append", "SELECT auction, bidder, 0.908 * price, date_time, extra FROM bid"),
    "q2": ("append", "SELECT auction, price FROM bid WHERE auction % 123 = 0"),
    "q5": ("complete", "SELECT w.start AS starts, w.end AS ends, auction, num FROM ("
           "SELECT window(date_time, '10 seconds', '2 seconds') AS w, auction, count(*) AS num FROM bid GROUP BY 1, auction)"),
    "q15": ("update", f"SELECT {DAY}, {STATISTICS} FROM bid GROUP BY 1"),
    "q16": ("update", f"SELECT channel, {DAY}, max(date_format(date_time, 'HH:mm')), {STATISTICS} FROM bid GROUP BY 1, 2"),
    "q17": ("update", f"SELECT auction, {DAY}, {BIDS}, min(price), max(price), avg(price), sum(price) FROM bid GROUP BY 1, 2"),
    "q18": ("update", "SELECT auction, bidder, b.price, b.channel, b.url, b.date_time, b.extra FROM ("
            f"SELECT auction, bidder, {LATEST} AS b FROM bid GROUP BY 1, 2)"),
}


def run(spark: SparkSession, bids: DataFrame, query: str, rows: str):
    """Write the query's rows. One batch reads the whole topic, so that each row comes out once."""
    mode, sql = QUERIES[query]
    bids.createOrReplaceTempView("bid")

    def write(batch, number):
        if mode == "complete":
            batch = batch.withColumn("place", F.rank().over(Window.partitionBy("starts").orderBy(F.desc("num")))).where("place = 1").drop("place")
            number = "last"
        batch.write.mode("overwrite").csv(os.path.join(rows, f"batch-{number}"))

    stream = spark.sql(sql).writeStream.outputMode(mode).option("checkpointLocation", os.path.join(rows, "checkpoint"))
    stream.foreachBatch(write).trigger(availableNow=True).start().awaitTermination()
