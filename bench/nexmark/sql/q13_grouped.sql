-- q13 and an aggregation over it.
CREATE MATERIALIZED VIEW q13_grouped AS
SELECT s.value, count(*) AS bids, max(b.price) AS highest
FROM bid b JOIN side_input s ON b.auction % 100 = s.key
GROUP BY s.value;

SELECT s.value, count(*) AS bids, max(b.price) AS highest
FROM bid b JOIN side_input s ON b.auction % 100 = s.key
GROUP BY s.value;
