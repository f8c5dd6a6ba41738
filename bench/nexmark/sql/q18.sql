-- Last bid of each bidder on each auction. A bidder who bids twice in a
-- millisecond has made the dearer one last.
CREATE MATERIALIZED VIEW q18 AS
SELECT auction, bidder, last.price, last.channel, last.url, last.date_time, last.extra
FROM (SELECT auction, bidder, max({'date_time': date_time, 'price': price, 'extra': extra, 'channel': channel, 'url': url}) AS last FROM bid GROUP BY auction, bidder);

SELECT auction, bidder, price, channel, url, date_time, extra FROM bid
QUALIFY row_number() OVER (PARTITION BY bidder, auction ORDER BY date_time DESC, price DESC, extra DESC) <= 1;
