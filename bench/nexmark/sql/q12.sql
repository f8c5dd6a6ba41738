-- Processing time windows: bids of each user in ten seconds of the clock. A
-- record's arrival is its _timestamp, which the source arrivals has as a column.
CREATE MATERIALIZED VIEW q12 AS
SELECT bidder, count(*) AS bid_count, window_start AS starttime, window_end AS endtime
FROM TUMBLE(arrivals, arrived, INTERVAL '10 seconds')
GROUP BY bidder, window_start, window_end;

SELECT bidder, count(*) AS bid_count, time_bucket(INTERVAL 10 SECOND, arrived) AS starttime, time_bucket(INTERVAL 10 SECOND, arrived) + INTERVAL 10 SECOND AS endtime
FROM arrivals GROUP BY ALL;
