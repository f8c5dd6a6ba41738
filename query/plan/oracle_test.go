package plan

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/engine/window"
)

// oracleSource has a column of every type.
var oracleSource = &Source{
	Name: "orders", EventTime: "ts", Visible: 19,
	Columns: append([]batch.Column{
		{Name: "order_id", Type: batch.Type{Kind: batch.BigInt}},
		{Name: "country", Type: batch.Type{Kind: batch.Varchar}},
		{Name: "amount", Type: batch.Type{Kind: batch.Decimal, Precision: 12, Scale: 2}},
		{Name: "quantity", Type: batch.Type{Kind: batch.Integer}},
		{Name: "price", Type: batch.Type{Kind: batch.Double}},
		{Name: "ratio", Type: batch.Type{Kind: batch.Real}},
		{Name: "paid", Type: batch.Type{Kind: batch.Boolean}},
		{Name: "ts", Type: batch.Type{Kind: batch.TimestampTZ}},
		{Name: "created", Type: batch.Type{Kind: batch.Timestamp}},
		{Name: "day", Type: batch.Type{Kind: batch.Date}},
		{Name: "payload", Type: batch.Type{Kind: batch.JSON}},
		{Name: "small", Type: batch.Type{Kind: batch.SmallInt}},
		{Name: "big", Type: batch.Type{Kind: batch.UBigInt}},
		{Name: "huge", Type: batch.Type{Kind: batch.HugeInt}},
		{Name: "wide", Type: batch.Type{Kind: batch.Decimal, Precision: 30, Scale: 4}},
		{Name: "id", Type: batch.Type{Kind: batch.UUID}},
		{Name: "raw", Type: batch.Type{Kind: batch.Blob}},
		{Name: "clock", Type: batch.Type{Kind: batch.Time}},
		{Name: "Order Ref", Type: batch.Type{Kind: batch.Varchar}},
	}, batch.MetadataColumns()...),
}

// oracleRows fills the table data with 4,000 rows over 40 years around the
// origins of time_bucket, a tenth of the values NULL.
const oracleRows = `
CREATE OR REPLACE TABLE data AS
SELECT i::BIGINT AS order_id,
  CASE WHEN r() < 0.1 THEN NULL ELSE (['de', 'fr', 'it', 'es', 'DE', ''])[1 + (r() * 5.99)::INT % 6] END AS country,
  CASE WHEN r() < 0.1 THEN NULL ELSE (r() * 2000 - 1000)::DECIMAL(12,2) END AS amount,
  CASE WHEN r() < 0.1 THEN NULL ELSE (r() * 20 - 5)::INTEGER END AS quantity,
  CASE WHEN r() < 0.1 THEN NULL ELSE r() * 100 END AS price,
  CASE WHEN r() < 0.1 THEN NULL ELSE (r() * 4 - 2)::FLOAT END AS ratio,
  CASE WHEN r() < 0.1 THEN NULL ELSE r() < 0.5 END AS paid,
  CASE WHEN r() < 0.01 THEN NULL ELSE make_timestamptz((946684800000000 + (r() - 0.5) * 1.2e15)::BIGINT) END AS ts,
  make_timestamp((1577836800000000 + r() * 1e10)::BIGINT) AS created,
  DATE '2020-01-01' + (r() * 30)::INTEGER AS day,
  CASE WHEN r() < 0.1 THEN NULL ELSE json_object('k', (r() * 3)::INT, 'a', json_object('b', (r() * 2)::INT)) END AS payload,
  CASE WHEN r() < 0.1 THEN NULL ELSE (r() * 6)::SMALLINT END AS small,
  CASE WHEN r() < 0.1 THEN NULL ELSE (r() * 1e19)::UBIGINT END AS big,
  CASE WHEN r() < 0.1 THEN NULL ELSE (r() * 1e30)::HUGEINT END AS huge,
  CASE WHEN r() < 0.1 THEN NULL ELSE (r() * 1e20)::DECIMAL(30,4) END AS wide,
  CASE WHEN r() < 0.1 THEN NULL ELSE uuid() END AS id,
  CASE WHEN r() < 0.1 THEN NULL ELSE chr((65 + r() * 20)::INT)::BLOB END AS raw,
  TIME '00:00:00' + to_seconds(floor(r() * 80000)) AS clock,
  'ref ' || (r() * 3)::INT AS "Order Ref"
FROM range(4000) t(i)`

// oracleViews are checked against plain DuckDB.
var oracleViews = []string{
	"SELECT window_start, window_end, country, count(*) AS n, sum(amount) AS revenue FROM TUMBLE(orders, ts, INTERVAL '90 days') GROUP BY window_start, window_end, country",
	"SELECT window_end, count(*) FROM TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' HOUR, INTERVAL 17 MINUTES) GROUP BY window_end",
	"SELECT window_start, window_start + INTERVAL 1 DAY AS d, max(epoch_us(window_end) - epoch_us(ts)) AS m, window_end - window_start AS w FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL 7 DAYS, -INTERVAL 36 HOURS)) AS o WHERE o.window_start < TIMESTAMPTZ '2005-01-01' GROUP BY ALL",
	"SELECT date_trunc('year', window_start) AS y, window_start, sum(small) AS s FROM TUMBLE(orders, ts, INTERVAL 100 DAYS) GROUP BY 1, 2 HAVING y > '1990-01-01'",
	"SELECT window_start, window_end, country, count(*) FROM TUMBLE(orders, ts, INTERVAL '5 months') GROUP BY ALL",
	"SELECT window_start, window_end, count(*), max(epoch_us(window_end) - epoch_us(ts)) AS m FROM TUMBLE(orders, ts, INTERVAL '30 days', time_zone => 'Europe/Berlin') WHERE window_start > '2000-02-01' GROUP BY ALL",
	"SELECT window_start, window_end, count(*) FROM TUMBLE(orders, ts, INTERVAL '1 day', INTERVAL '6 hours', time_zone => 'America/New_York') GROUP BY ALL",
	"SELECT window_start, window_end, count(*) FROM TUMBLE(orders, ts, INTERVAL '2 months', time_zone => 'Asia/Kolkata') GROUP BY ALL",
	"SELECT window_start, window_end, count(*) FROM TUMBLE(orders, ts, INTERVAL '100 hours', time_zone => 'Asia/Kolkata') GROUP BY ALL",
	"SELECT window_start, window_end, country, count(*) AS orders, sum(amount) AS revenue FROM HOP(orders, ts, INTERVAL '20 days', INTERVAL '50 days') WHERE paid GROUP BY window_start, window_end, country",
	"SELECT window_end, window_time, count(*) FROM TABLE(HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' HOUR, INTERVAL '90' MINUTE, INTERVAL 17 SECONDS)) AS h GROUP BY h.window_end, window_time",
	"SELECT window_start, window_end, count(*) FROM HOP(orders, ts, slide => INTERVAL '1 month', size => INTERVAL '3 months') GROUP BY ALL",
	"SELECT window_start, window_end, count(*) FROM HOP(orders, ts, INTERVAL '4 months', INTERVAL '6 months', time_zone => 'Europe/Berlin') GROUP BY ALL",
	"SELECT window_start, window_end, count(*) FROM HOP(orders, ts, size => INTERVAL '7 days', slide => INTERVAL '2 days', time_zone => 'Europe/Berlin') WHERE ts > '2000-02-01' GROUP BY ALL",
	"SELECT window_start, window_end, count(*) FROM HOP(orders, ts, INTERVAL '1 day', INTERVAL '3 days', INTERVAL '30 hours', time_zone => 'Australia/Sydney') WHERE ts > '2000-02-01' GROUP BY ALL",
	"SELECT window_start, window_end, country, count(*) FROM CUMULATE(orders, ts, INTERVAL '10 days', INTERVAL '60 days', INTERVAL '-5 days') GROUP BY window_start, window_end, country HAVING count(*) > 1",
	"SELECT window_start, window_end, count(*) FROM CUMULATE(orders, ts, INTERVAL '1 month', INTERVAL '1 year', time_zone => 'Europe/Paris') WHERE order_id < 1000 GROUP BY 1, 2",
	"SELECT window_end, count(*) FROM CUMULATE(TABLE orders, DESCRIPTOR(ts), step => INTERVAL 1 DAY, size => INTERVAL 5 DAYS, time_zone => 'Europe/Paris') WHERE ts > '2000-02-01' GROUP BY window_end",
	"SELECT window_start, window_end, country, count(*), sum(amount) FROM SESSION(TABLE orders PARTITION BY country, DESCRIPTOR(ts), INTERVAL '3 days') GROUP BY window_start, window_end, country",
	"SELECT country, window_end - window_start AS w, count(*), window_end FROM SESSION(TABLE orders PARTITION BY country, DESCRIPTOR(ts), INTERVAL '2 days') GROUP BY ALL",
	"SELECT window_end - window_start AS w, count(*) FROM SESSION(orders, ts, INTERVAL '4 days') WHERE paid AND quantity > 0 GROUP BY window_start",
	"SELECT o.country, paid, window_start, window_time, max(quantity) FROM SESSION(TABLE orders PARTITION BY (country, o.paid), DESCRIPTOR(ts), INTERVAL '20' DAY) AS o GROUP BY ALL",
	"SELECT upper(country) AS c, paid, window_start, window_end, count(*) FROM SESSION(orders, ts, gap => INTERVAL '20' DAY, partition_by => [upper(country), paid]) GROUP BY c, paid, window_start, window_end",
	"SELECT TUMBLE_START(ts, INTERVAL '90' DAY) AS s, country, count(*) AS n FROM orders GROUP BY TUMBLE(ts, INTERVAL '90' DAY), country",
	"SELECT country, hop_end(ts, INTERVAL '20' DAY, INTERVAL '50' DAY) AS e, count(*) FROM orders GROUP BY country, HOP(ts, INTERVAL '20' DAY, INTERVAL '50' DAY) HAVING HOP_START(ts, INTERVAL '20' DAY, INTERVAL '50' DAY) > '2000-01-01'",
	"SELECT SESSION_START(o.ts, INTERVAL '4' DAY), SESSION_ROWTIME(o.ts, INTERVAL '4' DAY) AS t, country, sum(amount) FROM orders o GROUP BY SESSION(o.ts, INTERVAL '4' DAY), country",
	"SELECT time_bucket(INTERVAL '5 minutes', ts) AS b, count(*) FROM orders GROUP BY b",
	"SELECT time_bucket(INTERVAL '10 days', ts) AS b, count(*), avg(quantity) FROM orders GROUP BY b",
	"SELECT time_bucket(INTERVAL '7 days', ts, INTERVAL '2 days 3 hours') AS b, country, max(amount) FROM orders GROUP BY ALL",
	"SELECT time_bucket(INTERVAL '7 days', ts, TIMESTAMPTZ '2020-05-05 05:05:05+02') AS b, min(country) FROM orders GROUP BY ALL",
	"SELECT time_bucket(INTERVAL '5 months', ts) AS b, count(*) FROM orders GROUP BY ALL",
	"SELECT time_bucket(INTERVAL '5 months', ts, TIMESTAMPTZ '2001-03-17 11:00:00+00') AS b, count(*) FROM orders GROUP BY ALL",
	"SELECT date_trunc('day', ts) AS d, count(*) FROM orders GROUP BY d",
	"SELECT date_trunc('week', ts) AS w, w + INTERVAL 7 DAY AS e, sum(quantity) FROM orders GROUP BY w",
	"SELECT date_trunc('month', ts) AS m, count(DISTINCT country) FROM orders GROUP BY 1",
	"SELECT date_trunc('quarter', ts) AS q, paid, count(*) FROM orders GROUP BY ALL",
	"SELECT date_trunc('year', ts) AS y, date_trunc('month', ts) AS m, count(*) FROM orders GROUP BY ALL",
	"SELECT date_trunc('decade', ts) AS d, count(*) FROM orders GROUP BY ALL",
	"SELECT country, count(*), count(quantity) AS q, count(1) AS one, count(DISTINCT quantity) AS d FROM orders GROUP BY country",
	"SELECT avg(quantity) AS a, avg(amount) AS b, avg(price) AS c, avg(ratio) AS d, avg(big) AS e, avg(huge) AS f, avg(wide) AS g, mean(small) AS h FROM orders",
	"SELECT country, avg(quantity) AS a, avg(amount) AS b, avg(price) AS c, avg(ratio) AS d, avg(wide) AS g FROM orders GROUP BY country",
	"SELECT sum(quantity) AS a, sum(amount) AS b, sum(price) AS c, sum(ratio) AS d, sum(big) AS e, sum(huge) AS f, sum(wide) AS g, sum(paid) AS h FROM orders",
	"SELECT small, min(country) AS a, max(country) AS b, min(payload) AS c, max(id) AS d, min(raw) AS e, max(clock) AS f, min(day) AS g, max(paid) AS h, min(ratio) AS i, max(huge) AS j, min(wide) AS k FROM orders GROUP BY small",
	"SELECT country, bool_and(paid) AS a, bool_or(paid) AS b, count_if(paid) AS c, countif(quantity > 3) AS d, bool_and(quantity < 14) AS e FROM orders GROUP BY country",
	"SELECT count_if(paid) AS c, avg(quantity) AS a, sum(quantity) AS s, max(country) AS m, count(country) AS n FROM orders WHERE quantity > 1000",
	"SELECT count(DISTINCT country) AS a, count(DISTINCT ratio) AS b, count(DISTINCT id) AS c, count(DISTINCT day) AS d, count(DISTINCT payload) AS e, count(DISTINCT amount) AS f FROM orders",
	"SELECT country, sum(amount) FILTER (WHERE quantity > 3 AND paid) AS f, count(*) FILTER (WHERE NOT paid) AS g, avg(price) FILTER (WHERE country = 'de') AS h, count_if(paid) FILTER (quantity) AS i FROM orders GROUP BY country",
	"SELECT country, round(sum(amount) / count(*), 2) AS m, 100.0 * count(*) FILTER (WHERE paid) / count(*) AS pct FROM orders GROUP BY country",
	"SELECT upper(country) AS country, count(*) FROM orders GROUP BY country",
	"SELECT upper(country) AS c, lower(c) AS l, count(*) FROM orders WHERE c <> 'IT' GROUP BY c HAVING c < 'F'",
	"SELECT country, sum(quantity) AS quantity FROM orders GROUP BY country HAVING quantity > 1500",
	"SELECT quantity % 3 AS k, quantity % 3 + 1 AS l, max(quantity) - min(quantity) AS spread FROM orders GROUP BY quantity % 3",
	"SELECT payload->>'$.k' AS k, payload.a.b AS b, sum((payload->'k')::INT) AS s FROM orders GROUP BY ALL",
	"SELECT CASE WHEN amount > 0 THEN 'gain' WHEN amount <= 0 THEN 'loss' END AS kind, sum(amount) FROM orders GROUP BY kind",
	"SELECT list_sum(list_transform([1, 2], x -> x + quantity)) AS q, count(*) FROM orders GROUP BY ALL",
	"SELECT {'n': count(*), 'c': country}::VARCHAR AS j FROM orders GROUP BY country",
	"SELECT quantity + 1e3 AS k, amount * 1e-1 AS l, count(*) FROM orders WHERE price < 5e1 GROUP BY ALL",
	"SELECT DISTINCT_O.\"order ref\", created::DATE AS d, count(*) FROM orders AS distinct_o GROUP BY ALL",
	"SELECT paid, day, clock, small, ratio, count(*), 'x' AS x, 1.50 AS y, INTERVAL '1 day' AS i FROM orders GROUP BY ALL",
	"SELECT country.upper() AS u, extract(year FROM ts) AS y, sum(quantity * price) AS s FROM orders GROUP BY ALL",
	"SELECT country FROM orders GROUP BY country",
	"SELECT 1 AS one FROM orders HAVING count(*) > 3",
	"SELECT count(*) AS c, c * 2 AS d, d + c AS e FROM orders WHERE amount BETWEEN -10 AND 10.5 AND country IS NOT NULL",
	"SELECT o.country, max(small)::DOUBLE / 7 AS x, -sum(amount) AS y, coalesce(min(country), '?') AS z FROM orders o GROUP BY country",
	"SELECT country, (sum(amount) > 0) AND bool_or(paid) AS b, sum(amount)::DECIMAL(20,1) AS s, greatest(min(quantity), -3) AS g FROM orders GROUP BY country",
	"SELECT * FROM orders WHERE order_id < 20 GROUP BY ALL",
	"SELECT o.*, count(*) FROM orders o WHERE order_id < 20 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19",
	"SELECT list_transform([1, 2], quantity -> quantity + 1)::VARCHAR || quantity AS q, count(*) FROM orders GROUP BY ALL",
	"SELECT public.orders.country, orders.paid, max(price) FROM public.orders GROUP BY ALL",
	"SELECT upper(country) AS country, count(*) AS n FROM orders GROUP BY country HAVING country = 'de'",
	"SELECT 7 AS seven FROM orders GROUP BY ()",
	"SELECT 7 AS seven, 'x' AS x, count(*) FROM orders WHERE order_id < 0 GROUP BY ALL",
	"SELECT 'x' AS x, count(*) FROM orders WHERE order_id < 0 GROUP BY 1 HAVING true",
	"SELECT window_start, window_end, country, sum(amount) AS revenue, row_number() OVER (PARTITION BY window_start, window_end ORDER BY sum(amount) DESC, country) AS rn FROM TUMBLE(orders, ts, INTERVAL '900 days') GROUP BY window_start, window_end, country QUALIFY rn <= 2",
	"SELECT time_bucket(INTERVAL '900 days', ts) AS b, country, count(*) AS n, rank() OVER w AS r, dense_rank() OVER w AS d, percent_rank() OVER w AS p, cume_dist() OVER w AS c FROM orders GROUP BY b, country WINDOW w AS (PARTITION BY b ORDER BY n DESC)",
	"SELECT country, date_trunc('year', ts) AS y, sum(quantity) AS q, lag(q, 1, 0) OVER (PARTITION BY y ORDER BY country) AS before FROM orders GROUP BY y, country HAVING count(*) > 3 QUALIFY before IS NOT NULL AND q > 10",
	"SELECT country, quantity, count(*) AS n, lag(n, 2, 0) OVER (PARTITION BY country ORDER BY quantity) AS two, lead(quantity IGNORE NULLS) OVER (PARTITION BY country ORDER BY quantity DESC) AS l, first_value(n) OVER (PARTITION BY country ORDER BY quantity ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) AS f, nth_value(n, 2) OVER (PARTITION BY country ORDER BY quantity) AS s FROM orders GROUP BY 1, quantity",
	"SELECT country, sum(amount) AS revenue, revenue / sum(sum(amount)) OVER () AS share, sum(revenue) OVER (ORDER BY country) AS running, avg(revenue) OVER (ORDER BY country ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS moving, ntile(3) OVER (ORDER BY country) AS t FROM orders GROUP BY country",
	"SELECT small, sum(huge) AS h, sum(sum(huge)) OVER (ORDER BY small) AS running, count(*) FILTER (WHERE small > 2) OVER () AS n, max(ln(small)) OVER (PARTITION BY small % 2) AS m FROM orders WHERE small > 0 GROUP BY small",
	"SELECT country FROM orders GROUP BY country QUALIFY row_number() OVER (ORDER BY count(*) DESC, country) <= 3",
	"SELECT country || '!' AS c, count(*) AS n FROM orders GROUP BY country HAVING c > 'a' QUALIFY row_number() OVER (ORDER BY max(price), c) <= 3",
	"SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY window_start, window_end ORDER BY revenue DESC, country) AS rn FROM (SELECT window_start, window_end, country, sum(amount) AS revenue FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '900' DAYS)) GROUP BY window_start, window_end, country)) WHERE rn <= 2",
	"WITH totals AS (SELECT date_trunc('year', ts) AS y, country, count(*) AS n FROM orders GROUP BY ALL), ranked AS MATERIALIZED (SELECT *, rank() OVER (PARTITION BY y ORDER BY n) AS r FROM totals t WHERE t.n > 1) SELECT y, country || r AS k, Ranked.n * 2 AS twice FROM ranked WHERE r <= 2",
	"SELECT n + 1 AS n, country AS w0, w1 FROM (SELECT country, count(*) AS n, max(small) AS w1 FROM orders GROUP BY country) AS q WHERE q.n > 500 QUALIFY row_number() OVER (ORDER BY q.n, country) > 1",
	"SELECT l[1] AS a, s.x AS b FROM (SELECT country, [count(*), 2] AS l, {'x': max(small)} AS s FROM orders GROUP BY country)",
	"SELECT country, sum(amount) AS revenue FROM orders GROUP BY country ORDER BY revenue DESC LIMIT 3",
	"SELECT -small AS small, count(*) AS s0 FROM orders GROUP BY orders.small ORDER BY small + 0 NULLS FIRST, 1 LIMIT 3 OFFSET 1",
	"SELECT country FROM (SELECT country, paid, count(*) AS n FROM orders GROUP BY ALL ORDER BY n DESC, country, paid LIMIT 5) ORDER BY upper(country), n DESC, paid LIMIT 3",
	"SELECT DISTINCT country, paid FROM orders WHERE quantity > 3",
	"SELECT DISTINCT * FROM (SELECT country, count(*) % 2 AS odd FROM orders GROUP BY country, small)",
	"SELECT DISTINCT count(*) % 2 AS odd, window_end, paid FROM TUMBLE(orders, ts, INTERVAL '900 days') GROUP BY country, window_start, window_end, paid",
	"SELECT DISTINCT upper(country) AS u FROM orders GROUP BY country ORDER BY u LIMIT 2",
	"SELECT DISTINCT date_trunc('year', ts) AS y, paid FROM orders",
	"SELECT DISTINCT 1 AS one FROM orders WHERE order_id < 5",
	"SELECT DISTINCT paid, count(*) OVER (PARTITION BY country) AS n FROM orders GROUP BY country, paid",
	"SELECT country, paid, count(*) AS n, GROUPING(country, paid) AS g, grouping_id(paid) AS h FROM orders GROUP BY ROLLUP(country, paid)",
	"SELECT country, paid, small, sum(amount) AS s, GROUPING(small, paid, country) AS g, coalesce(country, 'all') AS c FROM orders GROUP BY CUBE(country, paid), small",
	"SELECT window_start, window_end, country, paid, count(*) AS n, GROUPING(window_end, country) AS g FROM TUMBLE(orders, ts, INTERVAL '900 days') GROUP BY window_start, window_end, ROLLUP(country, paid) HAVING GROUPING(paid) = 1",
	"SELECT window_end, country, max(quantity) AS m FROM TUMBLE(orders, ts, INTERVAL '900 days') GROUP BY GROUPING SETS ((window_end, country), (window_end, country), (window_end, paid), (window_end))",
	"SELECT window_start, window_end, country, count(*) AS n FROM HOP(orders, ts, INTERVAL '300 days', INTERVAL '900 days') GROUP BY window_start, window_end, ROLLUP(country)",
	"SELECT date_trunc('year', ts) AS y, date_trunc('month', ts) AS m, country, count(*) AS n FROM orders GROUP BY y, ROLLUP(m, country)",
	"SELECT time_bucket(INTERVAL '900 days', ts) AS b, b + INTERVAL 1 DAY AS d, upper(country) AS u, count(*) AS n, GROUPING(u) AS g, rank() OVER (PARTITION BY b, GROUPING(u) ORDER BY count(*) DESC) AS r FROM orders GROUP BY b, ROLLUP(u) QUALIFY r <= 3",
	"SELECT country, count(*) AS n, GROUPING(country) AS g FROM orders GROUP BY country",
	"SELECT quantity % 3 AS a, quantity % 3 + 1 AS b, count(*) AS n FROM orders GROUP BY GROUPING SETS ((a), (b), (a, b), ())",
	"SELECT 'x' AS x, country, count(*) AS n, GROUPING(x) AS g FROM orders GROUP BY ROLLUP(x, country)",
	"SELECT country, list(small ORDER BY small, order_id)[1:3] AS l, median(quantity) AS m, count(DISTINCT paid) AS d FROM orders GROUP BY ROLLUP(country)",
	"SELECT country, n FROM (SELECT country, count(*) AS n, GROUPING(country) AS g FROM orders GROUP BY ROLLUP(country) ORDER BY GROUPING(country) DESC, n DESC, country LIMIT 3) WHERE n > 3",
	"SELECT country, count(*) FILTER (WHERE paid) AS n FROM orders GROUP BY GROUPING SETS ((country), ()) HAVING country IS NOT NULL OR GROUPING(country) = 1",
	"SELECT country, var_pop(price) AS a, var_samp(price) AS b, variance(quantity) AS c, stddev(amount) AS d, stddev_samp(ratio) AS e, stddev_pop(wide) AS f, sem(big) AS g, var_pop(huge) AS h FROM orders GROUP BY country",
	"SELECT order_id, var_pop(price) AS a, var_samp(price) AS b, stddev_pop(price) AS c, sem(price) AS d, corr(price, quantity) AS e, covar_samp(price, quantity) AS f, regr_r2(price, quantity) AS g, regr_slope(price, quantity) AS h, regr_intercept(price, quantity) AS i, regr_sxx(price, quantity) AS j FROM orders WHERE order_id < 50 GROUP BY order_id",
	"SELECT paid, corr(price, quantity) AS a, covar_pop(price, amount) AS b, covar_samp(ratio, big) AS c, regr_count(price, quantity) AS d, regr_avgx(price, quantity) AS e, regr_avgy(price, quantity) AS f, regr_sxx(price, quantity) AS g, regr_syy(price, quantity) AS h, regr_sxy(price, quantity) AS i, regr_slope(price, quantity) AS j, regr_intercept(price, quantity) AS k, regr_r2(price, quantity) AS l FROM orders GROUP BY paid",
	"SELECT quantity AS q, corr(price, quantity) AS a, regr_r2(price, quantity) AS b, regr_r2(quantity, price) AS c, regr_slope(price, quantity) AS d, regr_intercept(price, quantity) AS e FROM orders GROUP BY quantity",
	"SELECT var_pop(price) AS a, sem(price) AS b, corr(price, price) AS c, regr_count(price, price) AS d, entropy(price) AS e, product(price) AS f, bit_and(quantity) AS g, list(quantity) AS h, median(price) AS i, arg_min(price, day) AS j, favg(price) AS k FROM orders WHERE order_id < 0",
	"SELECT country, product(ratio) AS a, fsum(price) AS b, favg(amount) AS c, kahan_sum(quantity) AS d, sumkahan(big) AS e FROM orders WHERE order_id < 100 GROUP BY country",
	"SELECT country, bit_and(quantity) AS a, bit_or(small) AS b, bit_xor(big) AS c, bit_and(huge) AS d, bit_xor(DISTINCT quantity) AS e FROM orders GROUP BY country",
	"SELECT country, arg_min(price, order_id) AS a, arg_max(id, order_id) AS b, min_by(payload, order_id) AS c, max_by(raw, order_id) AS d, arg_min_null(amount, order_id) AS e, arg_max_null(ratio, order_id) AS f, argmin(clock, order_id) AS g, arg_max({'a': price}, order_id) AS h, arg_max(order_id, order_id, 3) AS i FROM orders GROUP BY country",
	"SELECT country, sum(DISTINCT quantity) AS a, avg(DISTINCT quantity) AS b, avg(DISTINCT amount) AS c, sum(DISTINCT huge) AS d, stddev(DISTINCT small) AS e, count(DISTINCT quantity) AS f, favg(DISTINCT quantity) AS g, covar_pop(DISTINCT quantity, small) AS h FROM orders GROUP BY country",
	"SELECT paid, list(quantity) AS a, array_agg(country ORDER BY order_id DESC) AS b, string_agg(country, '-' ORDER BY order_id) AS c, group_concat(country) AS d, list_sum(list(quantity)) AS e, array_to_string(list(small), '') AS f, list(price) AS g, list({'q': quantity, 'c': country} ORDER BY order_id)[1].c AS h FROM orders WHERE order_id < 500 GROUP BY paid",
	"SELECT country, mode(small) AS a, histogram(quantity) AS b, histogram(country)::VARCHAR AS c, approx_top_k(small, 2) AS d, entropy(small) AS e, kurtosis(price) AS f, kurtosis_pop(price) AS g, skewness(price) AS h, mad(price) AS i FROM orders GROUP BY country",
	"SELECT country, median(price) AS a, quantile_cont(price, 0.9) AS b, quantile_disc(amount, [0.1, 0.5]) AS c, percentile_cont(0.25) WITHIN GROUP (ORDER BY quantity) AS d, percentile_disc(0.75) WITHIN GROUP (ORDER BY country DESC) AS e, median(ts) AS f, quantile(clock, 0.5) AS g, mad(created) AS h, median(DISTINCT quantity) AS i FROM orders GROUP BY country",
	"SELECT day, median(price) FILTER (WHERE paid) AS a, list(quantity ORDER BY quantity) FILTER (WHERE quantity > 3 AND country = 'de') AS b, entropy(small) FILTER (WHERE day > DATE '2020-01-15') AS c, count(*) AS n, max(price, 2) FILTER (WHERE paid) AS d, min(country, 2) AS e, list(DISTINCT small ORDER BY small) AS f FROM orders GROUP BY day HAVING median(price) > 40",
	"SELECT window_start, window_end, country, median(price) AS m, list(order_id) AS l FROM TUMBLE(orders, ts, INTERVAL '3000 days') GROUP BY ALL",
	"SELECT country, approx_count_distinct(quantity) AS a, approx_count_distinct(DISTINCT id) AS b, approx_quantile(price, 0.5) AS c, approx_quantile(price, [0.1, 0.5, 0.9]) AS d, approx_quantile(quantity, 0) AS e, approx_quantile(created, 0.5) AS f, approx_count_distinct([quantity]) AS g, approx_quantile(amount, 1) FILTER (WHERE paid) AS h, approx_quantile(big, 0.3) AS i, approx_quantile(DISTINCT small, 0.3) AS j FROM orders GROUP BY country HAVING approx_quantile(price, 0.25) > 0 AND approx_quantile(price, 0.9) > 0",
	"SELECT geomean(quantity + 6) AS a, weighted_avg(price, ratio) AS b, wavg(price, quantity) AS c, json_group_array(quantity) AS d FROM orders WHERE order_id < 90",
	"SELECT avg(created) AS a, avg(clock) AS b, count([quantity]) AS c, max([quantity, small]) AS d, first(country ORDER BY order_id) AS e, last(country ORDER BY order_id) AS f, any_value(country ORDER BY order_id DESC) AS g, count(DISTINCT ts - created) AS h FROM orders",
	"SELECT country, [max(quantity)] AS l, {'n': count(*)} AS s, max(ts - created) AS i, min(INTERVAL 1 day * small) AS j FROM orders WHERE order_id < 100 GROUP BY ALL",
}

func TestViewsGiveWhatDuckDBGives(t *testing.T) {
	b := newDuckBinder(t)
	b.exec(t, "CREATE MACRO r() AS random()")
	b.exec(t, "SELECT setseed(0.42)")
	b.exec(t, oracleRows)
	for _, sql := range oracleViews {
		t.Run("", func(t *testing.T) { checkView(t, b, sql) })
	}
}

func checkView(t *testing.T, b *duckBinder, sql string) {
	ctx := context.Background()
	lookup := func(string, string) (*Source, error) { return oracleSource, nil }
	def, err := View(ctx, b, "v", sql, 0, lookup)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if def.Window != nil {
		makeWindows(t, b, def)
	}
	result := runStages(t, b, def)
	plain, err := BatchSQL(ctx, b, sql, "data")
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, "CREATE OR REPLACE TEMP TABLE have AS "+result)
	b.exec(t, "CREATE OR REPLACE TEMP TABLE want AS "+plain)
	nestedAsJSON(t, b, "want")
	checkTypes(t, b, def)
	want, have := sorted(t, b, def, "want"), sorted(t, b, def, "have")
	if len(want) != len(have) {
		t.Fatalf("%s\n%s\n%d rows, want %d", sql, dumpDefinition(def), len(have), len(want))
	}
	if len(want) == 0 && !strings.Contains(sql, "HAVING") {
		t.Errorf("%s: no rows at all", sql)
	}
	for i := range want {
		for j := range want[i] {
			if !same(want[i][j], have[i][j]) {
				t.Fatalf("%s\n%s\n%s\nrow %d: %v, want %v", sql, plain, dumpDefinition(def), i, have[i], want[i])
			}
		}
	}
}

// runStages makes the tables of stages one and two: rows, state, and a table for
// each bag. It returns stage three over them.
func runStages(t *testing.T, b *duckBinder, def *view.Definition) string {
	t.Helper()
	one := []string{"row_number() OVER () AS n"}
	var group, two []string
	for i, e := range def.Exprs {
		one = append(one, fmt.Sprintf("%s AS e%d", e.SQL, i))
	}
	if w := def.Window; w != nil {
		two = append(two, "window_start", "window_end")
	}
	windows := ""
	if def.GroupingSets != nil {
		windows = fmt.Sprintf(" CROSS JOIN (SELECT * FROM range(%d) t(grouping_set))", len(def.GroupingSets))
		two = append(two, "grouping_set")
	}
	for i, k := range def.Keys {
		key := fmt.Sprintf("e%d::%s", k.Expr, k.Type)
		if def.GroupingSets != nil {
			key = fmt.Sprintf("CASE WHEN grouping_set IN (%s) THEN %s END", setsWith(def, i), key)
		}
		group = append(group, fmt.Sprintf("%s AS k%d", key, i))
		two = append(two, fmt.Sprintf("k%d", i))
	}
	if w := def.Window; w != nil {
		windows += fmt.Sprintf(" JOIN windows ON ts IS NOT DISTINCT FROM e%d AND k = %s", w.Expr, windowKey(def))
	}
	where := "true"
	if def.Where >= 0 {
		where = fmt.Sprintf("e%d", def.Where)
	}
	b.exec(t, "CREATE OR REPLACE TEMP TABLE rows AS SELECT "+strings.Join(append([]string{"*"}, group...), ", ")+
		" FROM (SELECT "+strings.Join(one, ", ")+" FROM data)"+windows+" WHERE "+where)
	columns, err := def.StateColumns()
	if err != nil {
		t.Fatal(err)
	}
	grouping := ""
	same := []string{"true"}
	if len(two) > 0 {
		grouping = " GROUP BY " + strings.Join(two, ", ")
		for _, c := range two {
			same = append(same, fmt.Sprintf("state.%s IS NOT DISTINCT FROM rows.%[1]s", c))
		}
	}
	for i := range def.Aggregates {
		first, err := def.FirstColumn(i)
		if err != nil {
			t.Fatal(err)
		}
		for j, sql := range aggregateSQL(def, i) {
			c := columns[slices.IndexFunc(columns, func(c batch.Column) bool { return c.Name == columnName("a", first+j) })]
			two = append(two, fmt.Sprintf("(%s)::%s AS %s", sql, c.Type, c.Name))
		}
	}
	b.exec(t, "CREATE OR REPLACE TEMP TABLE state AS SELECT row_number() OVER () AS g, * FROM (SELECT "+
		strings.Join(append(two, "count(*) AS rows"), ", ")+" FROM rows"+grouping+")")
	result := strings.Replace(def.Result, "{{state}}", "state", 1)
	for i, a := range def.Aggregates {
		if a.Func != aggregate.Bag {
			continue
		}
		items := []string{"g", "n"}
		for j, arg := range a.Args {
			items = append(items, fmt.Sprintf("e%d AS v%d", arg, j))
		}
		kept := "true"
		if a.Filter >= 0 {
			kept = fmt.Sprintf("e%d", a.Filter)
		}
		b.exec(t, fmt.Sprintf("CREATE OR REPLACE TEMP TABLE bag%d AS SELECT %s FROM rows JOIN state ON %s WHERE %s ORDER BY n",
			i, strings.Join(items, ", "), strings.Join(same, " AND "), kept))
		result = strings.ReplaceAll(result, bagPlaceholder(i), fmt.Sprint("bag", i))
	}
	return result
}

// setsWith lists the grouping sets that hold a key.
func setsWith(def *view.Definition, key int) string {
	list := []string{"-1"}
	for i, set := range def.GroupingSets {
		if slices.Contains(set, key) {
			list = append(list, fmt.Sprint(i))
		}
	}
	return strings.Join(list, ", ")
}

// aggregateSQL is the state columns of an aggregate.
func aggregateSQL(def *view.Definition, i int) []string {
	a := def.Aggregates[i]
	calls := map[aggregate.Function][]string{
		aggregate.CountStar: {"count(*)"}, aggregate.Count: {"count(x)"}, aggregate.Sum: {"sum(x)"}, aggregate.Min: {"min(x)"},
		aggregate.Max: {"max(x)"}, aggregate.BoolAnd: {"bool_and(x)"}, aggregate.BoolOr: {"bool_or(x)"},
		aggregate.Mean: {"sum(x)", "count(x)"}, aggregate.SumKahan: {"fsum(x)", "max(0)"}, aggregate.Product: {"product(x)"},
		aggregate.Variance: {"count(x)", "avg(x)", "var_pop(x) * count(x)"},
		aggregate.Covariance: {
			"regr_count(x, y)", "regr_avgx(x, y)", "regr_avgy(x, y)", "regr_sxy(x, y)", "regr_sxx(x, y)", "regr_syy(x, y)",
		},
		aggregate.ApproxCountDistinct: {"approx_count_distinct(x)"},
		aggregate.BitAnd:              {"bit_and(x)"}, aggregate.BitOr: {"bit_or(x)"}, aggregate.BitXor: {"bit_xor(x)"},
		aggregate.ArgMin: {"arg_min(x, y)"}, aggregate.ArgMax: {"arg_max(x, y)"},
		aggregate.ArgMinNull: {"arg_min_null(x, y)"}, aggregate.ArgMaxNull: {"arg_max_null(x, y)"},
		aggregate.First: {"first(x ORDER BY y NULLS LAST, n)"}, aggregate.Last: {"last(x ORDER BY y NULLS FIRST, n)"},
		aggregate.AnyValue: {"any_value(x ORDER BY y NULLS LAST, n)"},
	}[a.Func]
	if a.Func == aggregate.Sum && aggregate.WideSum(def.Exprs[a.Args[0]].Type) {
		calls = append(calls, "max(0)")
	}
	for _, q := range a.Params {
		calls = append(calls, fmt.Sprintf("approx_quantile(x, %v)", q))
	}
	out := slices.Clone(calls)
	for j := range out {
		for k, arg := range a.Args {
			name := regexp.MustCompile(`\b` + []string{"x", "y"}[k] + `\b`)
			out[j] = name.ReplaceAllString(out[j], fmt.Sprintf("e%d", arg))
		}
		if a.Distinct {
			out[j] = strings.ReplaceAll(out[j], "(", "(DISTINCT ")
		}
		if a.Filter >= 0 {
			out[j] = strings.ReplaceAll(out[j], ")", fmt.Sprintf(") FILTER (WHERE e%d)", a.Filter))
		}
	}
	return out
}

// windowKey is the text of the keys that windows belong to.
func windowKey(def *view.Definition) string {
	var keys []string
	if def.Window.Kind == window.Session {
		for _, k := range def.Keys {
			keys = append(keys, fmt.Sprintf("coalesce(e%d::VARCHAR, 'NULL')", k.Expr))
		}
	}
	return strings.Join(append(keys, "''"), " || '|' || ")
}

// makeWindows fills the table windows with the windows of every row of data, as
// package window computes them.
func makeWindows(t *testing.T, b *duckBinder, def *view.Definition) {
	t.Helper()
	var one []string
	for i, e := range def.Exprs {
		one = append(one, fmt.Sprintf("%s AS e%d", e.SQL, i))
	}
	sql := fmt.Sprintf("SELECT DISTINCT %s AS k, epoch_us(e%d) AS t FROM (SELECT %s FROM data)", windowKey(def), def.Window.Expr, strings.Join(one, ", "))
	if def.Where >= 0 {
		sql += fmt.Sprintf(" WHERE e%d", def.Where)
	}
	w, err := def.Window.Open()
	if err != nil {
		t.Fatal(err)
	}
	make := "make_timestamp"
	if def.Exprs[def.Window.Expr].Type.Kind == batch.TimestampTZ {
		make = "make_timestamptz"
	}
	var values [4][]string
	add := func(k any, ts, start, end any) {
		for i, v := range []any{fmt.Sprintf("'%s'", k), ts, start, end} {
			values[i] = append(values[i], fmt.Sprint(v))
		}
	}
	rows := b.rows(t, sql+" ORDER BY k, t")
	for i := 0; i < len(rows); i++ {
		k, ts := rows[i][0], rows[i][1]
		switch {
		case ts == nil:
			add(k, "NULL", "NULL", "NULL")
		case def.Window.Kind == window.Session:
			last := i
			for last+1 < len(rows) && rows[last+1][0] == k && rows[last+1][1] != nil && rows[last+1][1].(int64) <= rows[last][1].(int64)+def.Window.GapMicros {
				last++
			}
			for _, row := range rows[i : last+1] {
				add(k, row[1], ts, rows[last][1].(int64)+def.Window.GapMicros)
			}
			i = last
		default:
			w.Of(w.Pane(ts.(int64)), func(first, after int64) {
				start, end := w.Bounds(first, after)
				add(k, ts, start, end)
			})
		}
	}
	list := func(i int) string { return strings.Join(values[i], ", ") }
	b.exec(t, fmt.Sprintf("CREATE OR REPLACE TEMP TABLE windows AS SELECT k, %[1]s(t) AS ts, %[1]s(s) AS window_start, %[1]s(e) AS window_end FROM (SELECT unnest([%[2]s]) AS k, unnest([%[3]s]) AS t, unnest([%[4]s]) AS s, unnest([%[5]s]) AS e)",
		make, list(0), list(1), list(2), list(3)))
}

// nestedAsJSON turns the columns of a table that no view can have into JSON.
func nestedAsJSON(t *testing.T, b *duckBinder, table string) {
	t.Helper()
	var items []string
	for _, row := range b.rows(t, "SELECT column_name, column_type FROM (DESCRIBE "+table+")") {
		name, typeName := quote(row[0].(string)), row[1].(string)
		if _, ok := holdable(typeName); !ok && isNested(typeName) {
			name = asJSON(name, typeName) + " AS " + name
		}
		items = append(items, name)
	}
	b.exec(t, "CREATE OR REPLACE TEMP TABLE "+table+" AS SELECT "+strings.Join(items, ", ")+" FROM "+table)
}

// checkTypes compares the types of both results with those of the definition.
func checkTypes(t *testing.T, b *duckBinder, def *view.Definition) {
	t.Helper()
	for _, table := range []string{"have", "want"} {
		rows := b.rows(t, "SELECT column_name, column_type FROM (DESCRIBE "+table+")")
		if len(rows) != len(def.Columns) {
			t.Fatalf("%s: %d columns in %s, %d in the definition", def.SQL, len(rows), table, len(def.Columns))
		}
		for i, c := range def.Columns {
			if rows[i][1] != c.Type.String() {
				t.Errorf("%s: column %q of %s is a %s, and a %s in the definition", def.SQL, c.Name, table, rows[i][1], c.Type)
			}
			if table == "have" && rows[i][0] != c.Name {
				t.Errorf("%s: column %q has the name %q", def.SQL, c.Name, rows[i][0])
			}
		}
	}
}

// sorted returns the rows of a table; columns of floats, which may differ in
// the last digits, come last in the order.
func sorted(t *testing.T, b *duckBinder, def *view.Definition, table string) [][]any {
	t.Helper()
	var exact, floats []string
	for i, c := range def.Columns {
		position := fmt.Sprint(i + 1)
		if c.Type.Kind == batch.Double || c.Type.Kind == batch.Real {
			floats = append(floats, position)
		} else {
			exact = append(exact, position)
		}
	}
	return b.rows(t, "SELECT * FROM "+table+" ORDER BY "+strings.Join(append(exact, floats...), ", "))
}

func same(a, b any) bool {
	x, ok := a.(float64)
	y, both := b.(float64)
	if ok && both {
		return x == y || math.Abs(x-y) <= 1e-9*max(math.Abs(x), math.Abs(y)) || math.IsNaN(x) && math.IsNaN(y)
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}
