-- What only Millstream has; postgres.sql makes its twins.
CREATE SOURCE orders (
  order_id BIGINT, customer TEXT, country TEXT, amount DECIMAL(12,2), ts TIMESTAMPTZ,
  WATERMARK FOR ts AS ts - INTERVAL '5 seconds'
);
INSERT INTO orders VALUES
  (1, 'ada', 'GB', 10.00, '2024-01-01 00:00:10Z'), (2, 'blaise', 'FR', 20.50, '2024-01-01 00:00:50Z'),
  (3, 'ada', 'GB', 30.25, '2024-01-01 00:01:10Z'), (4, 'carl', 'DE', 0.75, '2024-01-01 00:02:10Z');
CREATE MATERIALIZED VIEW revenue AS
SELECT country, count(*) AS orders, sum(amount)::decimal(38,2) AS revenue FROM orders GROUP BY country;
CREATE MATERIALIZED VIEW revenue_per_minute AS
SELECT window_start, window_end, country, count(*) AS orders
FROM TUMBLE(orders, ts, INTERVAL '1 minute') GROUP BY window_start, window_end, country;
COMMENT ON MATERIALIZED VIEW revenue IS 'what came in';
UPDATE every_type SET a_bytea = '\x00\xFF\x10' WHERE id = 1;
UPDATE every_type SET a_bytea = '' WHERE id = 2;
