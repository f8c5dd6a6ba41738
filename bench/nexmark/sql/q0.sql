-- Pass through: every bid as it comes.
CREATE MATERIALIZED VIEW q0 AS
SELECT auction, bidder, price, date_time, extra FROM bid;

SELECT auction, bidder, price, date_time, extra FROM bid;
