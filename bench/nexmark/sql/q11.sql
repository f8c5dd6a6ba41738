-- User sessions: how many bids a user made before a break of more than ten
-- seconds. Sessions that touch are one, as in Flink.
CREATE MATERIALIZED VIEW q11 AS
SELECT bidder, count(*) AS bid_count, window_start AS starttime, window_end AS endtime
FROM SESSION(bid PARTITION BY bidder, date_time, INTERVAL '10 seconds')
GROUP BY bidder, window_start, window_end;

WITH marked AS (
  SELECT bidder, date_time, coalesce(date_time - lag(date_time) OVER by_time > INTERVAL 10 SECOND, true) AS begins FROM bid
  WINDOW by_time AS (PARTITION BY bidder ORDER BY date_time)),
numbered AS (
  SELECT bidder, date_time, count(*) FILTER (WHERE begins) OVER (PARTITION BY bidder ORDER BY date_time) AS session FROM marked)
SELECT bidder, count(*) AS bid_count, min(date_time) AS starttime, max(date_time) + INTERVAL 10 SECOND AS endtime
FROM numbered GROUP BY bidder, session;
