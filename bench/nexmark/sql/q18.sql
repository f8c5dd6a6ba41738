-- Last bid of each bidder on each auction. A bidder who bids twice in a
-- millisecond has made the dearer one last.
CREATE MATERIALIZED VIEW q18 AS
SELECT auction, bidder, arg_max(price, (date_time, price, extra)) AS price, arg_max(channel, (date_time, price, extra)) AS channel,
  arg_max(url, (date_time, price, extra)) AS url, max(date_time) AS date_time, arg_max(extra, (date_time, price, extra)) AS extra
FROM bid GROUP BY auction, bidder;

SELECT auction, bidder, price, channel, url, date_time, extra FROM bid
QUALIFY row_number() OVER (PARTITION BY bidder, auction ORDER BY date_time DESC, price DESC, extra DESC) <= 1;
