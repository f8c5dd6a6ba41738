-- Hot items: the auctions with the most bids in the last ten seconds, every two.
CREATE MATERIALIZED VIEW q5 AS
SELECT window_start, window_end, auction, count(*) AS num
FROM HOP(bid, date_time, INTERVAL '2 seconds', INTERVAL '10 seconds')
GROUP BY window_start, window_end, auction
QUALIFY rank() OVER (PARTITION BY window_start, window_end ORDER BY count(*) DESC) = 1;

WITH counts AS (
  SELECT w AS window_start, w + INTERVAL 10 SECOND AS window_end, auction, count(*) AS num
  FROM bid, LATERAL (SELECT unnest(range(time_bucket(INTERVAL 2 SECOND, date_time) - INTERVAL 8 SECOND, date_time + INTERVAL 1 MICROSECOND, INTERVAL 2 SECOND)) AS w)
  GROUP BY ALL)
SELECT c.* FROM counts c JOIN (SELECT window_start, max(num) AS most FROM counts GROUP BY window_start) m
  ON c.window_start = m.window_start AND c.num = m.most;
