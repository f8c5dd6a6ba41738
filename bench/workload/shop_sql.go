package workload

import (
	"fmt"
	"strings"
)

// ordersSource and pageViewsSource have the broker's address as their %s.
const (
	ordersSource = `CREATE SOURCE IF NOT EXISTS orders (
  order_id BIGINT, customer VARCHAR, country VARCHAR, product VARCHAR,
  quantity INTEGER, amount DECIMAL(12,2), status VARCHAR, ts TIMESTAMPTZ,
  WATERMARK FOR ts AS ts - INTERVAL '5 seconds'
) WITH (connector = 'kafka', topic = 'orders', properties.bootstrap.server = '%s')
FORMAT PLAIN ENCODE JSON`

	pageViewsSource = `CREATE SOURCE IF NOT EXISTS page_views (
  view_id BIGINT, user_id VARCHAR, page VARCHAR, referrer VARCHAR,
  duration_ms INTEGER, ts TIMESTAMPTZ,
  WATERMARK FOR ts AS ts - INTERVAL '5 seconds'
) WITH (connector = 'kafka', topic = 'page_views', properties.bootstrap.server = '%s')
FORMAT PLAIN ENCODE JSON`
)

// The shop's views: two with windows, two without.
const (
	revenuePerMinuteView = `CREATE MATERIALIZED VIEW IF NOT EXISTS revenue_per_minute AS
SELECT window_start, window_end, country, count(*) AS orders, sum(amount) AS revenue
FROM TUMBLE(orders, ts, INTERVAL '1 minute')
GROUP BY window_start, window_end, country`

	pageStatsView = `CREATE MATERIALIZED VIEW IF NOT EXISTS page_stats_10s AS
SELECT window_start, window_end, page, count(*) AS views, count(DISTINCT user_id) AS users,
  avg(duration_ms) AS avg_ms, max(duration_ms) AS max_ms
FROM TUMBLE(page_views, ts, INTERVAL '10 seconds')
GROUP BY window_start, window_end, page`

	productTotalsView = `CREATE MATERIALIZED VIEW IF NOT EXISTS product_totals AS
SELECT product, count(*) AS orders, sum(quantity) AS items, sum(amount) AS revenue
FROM orders
WHERE product IS NOT NULL
GROUP BY product`

	orderStatusView = `CREATE MATERIALIZED VIEW IF NOT EXISTS order_status AS
SELECT country,
  count(*) AS orders,
  count(*) FILTER (WHERE status = 'shipped') AS shipped,
  count(*) FILTER (WHERE status IN ('cancelled', 'returned')) AS lost,
  round(100.0 * count(*) FILTER (WHERE status IN ('cancelled', 'returned')) / count(*), 1) AS lost_percent
FROM orders
GROUP BY country
HAVING count(*) >= 10`
)

// ShopSources returns the statements that create the sources of a [Shop] whose
// topics are on the given broker.
func ShopSources(broker string) []string {
	broker = strings.ReplaceAll(broker, "'", "''")
	return []string{fmt.Sprintf(ordersSource, broker), fmt.Sprintf(pageViewsSource, broker)}
}

// ShopViews returns the statements that create the views over them.
func ShopViews() []string {
	return []string{revenuePerMinuteView, pageStatsView, productTotalsView, orderStatusView}
}

// ShopQuery is a query over the shop that is worth a try.
type ShopQuery struct {
	Title string
	SQL   string
}

// ShopQueries returns four of them: a live window, a join of a view with a
// source, a window function over a view, and the state of the sources.
func ShopQueries() []ShopQuery {
	return []ShopQuery{
		{"Revenue of the minutes that are open now", "SELECT * FROM revenue_per_minute ORDER BY 1 DESC, revenue DESC LIMIT 5"},
		{"The pages of the newest ten seconds", "SELECT window_start, page, views, users, round(avg_ms) AS avg_ms FROM page_stats_10s " +
			"WHERE window_start <= now() ORDER BY window_start DESC, views DESC LIMIT 5"},
		{"Best sellers and their share", "SELECT product, revenue, round(100 * revenue / sum(revenue) OVER (), 1) AS percent " +
			"FROM product_totals ORDER BY revenue DESC LIMIT 5"},
		{"How far every partition has been read", "SELECT source, partition, next_offset, lag, late, rejected, status FROM millstream.partitions ORDER BY 1, 2"},
	}
}
