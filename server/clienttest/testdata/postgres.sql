-- The twins of what millstream.sql makes.
CREATE TABLE orders (order_id BIGINT, customer TEXT, country TEXT, amount DECIMAL(12,2), ts TIMESTAMPTZ);
INSERT INTO orders VALUES
  (1, 'ada', 'GB', 10.00, '2024-01-01 00:00:10Z'), (2, 'blaise', 'FR', 20.50, '2024-01-01 00:00:50Z'),
  (3, 'ada', 'GB', 30.25, '2024-01-01 00:01:10Z'), (4, 'carl', 'DE', 0.75, '2024-01-01 00:02:10Z');
CREATE MATERIALIZED VIEW revenue AS
SELECT country, count(*) AS orders, sum(amount)::decimal(38,2) AS revenue FROM orders GROUP BY country;
CREATE MATERIALIZED VIEW revenue_per_minute AS
SELECT date_trunc('minute', ts) AS window_start, date_trunc('minute', ts) + INTERVAL '1 minute' AS window_end, country, count(*) AS orders
FROM orders GROUP BY 1, 2, 3;
CREATE TABLE "orders$late" (
  view TEXT, window_start TIMESTAMPTZ, window_end TIMESTAMPTZ, watermark TIMESTAMPTZ, order_id BIGINT, customer TEXT, country TEXT, amount DECIMAL(12,2),
  ts TIMESTAMPTZ, _partition INTEGER, _offset BIGINT, _timestamp TIMESTAMPTZ, _key BYTEA);
CREATE TABLE "orders$rejected" (_partition INTEGER, _offset BIGINT, _timestamp TIMESTAMPTZ, _key BYTEA, value BYTEA, error TEXT);
COMMENT ON MATERIALIZED VIEW revenue IS 'what came in';
UPDATE every_type SET a_bytea = '\x00ff10' WHERE id = 1;
UPDATE every_type SET a_bytea = '' WHERE id = 2;
