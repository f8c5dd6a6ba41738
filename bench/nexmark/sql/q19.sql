-- Auction TOP-10: the ten dearest bids of each auction.
CREATE MATERIALIZED VIEW q19 AS
SELECT auction, bidder, price, channel, url, date_time, extra, row_number() OVER (PARTITION BY auction ORDER BY price DESC, date_time, extra) AS rank_number
FROM bid GROUP BY auction, bidder, price, channel, url, date_time, extra
QUALIFY rank_number <= 10;

SELECT * FROM (
  SELECT auction, bidder, price, channel, url, date_time, extra, row_number() OVER (PARTITION BY auction ORDER BY price DESC, date_time, extra) AS rank_number FROM bid)
WHERE rank_number <= 10;
