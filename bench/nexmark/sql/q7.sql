-- Highest bid of each ten seconds. Bids that are equal in all columns count once.
CREATE MATERIALIZED VIEW q7 AS
SELECT window_start, window_end, auction, price, bidder, date_time, extra
FROM TUMBLE(bid, date_time, INTERVAL '10 seconds')
GROUP BY window_start, window_end, auction, price, bidder, date_time, extra
QUALIFY rank() OVER (PARTITION BY window_start, window_end ORDER BY price DESC) = 1;

WITH highest AS (
  SELECT time_bucket(INTERVAL 10 SECOND, date_time) AS window_start, max(price) AS price FROM bid GROUP BY ALL)
SELECT DISTINCT h.window_start, h.window_start + INTERVAL 10 SECOND AS window_end, b.auction, b.price, b.bidder, b.date_time, b.extra
FROM bid b JOIN highest h ON b.price = h.price AND b.date_time >= h.window_start AND b.date_time < h.window_start + INTERVAL 10 SECOND;
