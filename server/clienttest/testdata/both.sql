-- Objects that PostgreSQL and Millstream make of the same words.
CREATE TABLE customers (id BIGINT PRIMARY KEY, name TEXT NOT NULL, country TEXT DEFAULT 'CH', since DATE, credit DECIMAL(12,2));
CREATE TABLE order_items (order_id BIGINT, line INTEGER, product TEXT, quantity SMALLINT, price DOUBLE PRECISION, PRIMARY KEY (order_id, line));
CREATE TABLE notes (body TEXT, "Written At" TIMESTAMP);
CREATE TABLE every_type (
  id INTEGER PRIMARY KEY,
  a_bool BOOLEAN, a_int2 SMALLINT, a_int4 INTEGER, a_int8 BIGINT, a_float4 REAL, a_float8 DOUBLE PRECISION,
  a_numeric DECIMAL(18,4), a_text TEXT, a_bytea BYTEA, a_date DATE, a_time TIME, a_timestamp TIMESTAMP, a_timestamptz TIMESTAMPTZ,
  a_interval INTERVAL, a_uuid UUID, a_json JSON
);
COMMENT ON TABLE customers IS 'who buys';
COMMENT ON COLUMN customers.credit IS 'in Swiss francs';
INSERT INTO customers VALUES (1, 'Ada', 'GB', '2020-01-01', 100.50), (2, 'Blaise', 'FR', '2021-06-30', NULL), (3, 'Carl "C" O''Brien', NULL, NULL, -0.01);
INSERT INTO order_items VALUES (1, 1, 'wheel', 4, 19.99), (1, 2, 'axle', 2, 5), (2, 1, 'bell', 1, 1e-7);
INSERT INTO every_type VALUES
  (1, true, 32767, 2147483647, 9223372036854775807, 1.5, 2.5, 12345.6789, 'grüezi, "you"', NULL, '2024-02-29', '12:34:56.789',
   '2024-02-29 12:34:56.789', '2024-02-29 12:34:56.789+02', '1 year 2 months 3 days 04:05:06', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
   '{"a": [1, 2]}'),
  (2, false, -32768, -2147483648, -9223372036854775808, 'NaN', 'Infinity', -0.0001, '', NULL, '0001-01-01', '00:00:00',
   '0001-01-01 00:00:00', '1970-01-01 00:00:00+00', '-1 days', '00000000-0000-0000-0000-000000000000', 'null'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
