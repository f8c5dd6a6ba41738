package shopcheck

import (
	"fmt"
	"strings"
)

const source = `CREATE SOURCE IF NOT EXISTS orders (
  order_id BIGINT, customer VARCHAR, country VARCHAR, product VARCHAR,
  quantity INTEGER, amount DECIMAL(12,2), status VARCHAR, ts TIMESTAMPTZ,
  WATERMARK FOR ts AS ts - INTERVAL '5 seconds'
) WITH (connector = 'kafka', topic = '%s', properties.bootstrap.server = '%s', scan.startup.mode = 'earliest')
FORMAT PLAIN ENCODE JSON`

// view is a materialized view and the same SELECT for any relation.
type view struct {
	name   string
	window string // of its tumbling windows; "": it has none
	// columns and rest stand around FROM, which is the view's TUMBLE or the
	// check's rows; %s in columns is where the window's columns go.
	columns, rest string
}

// A mean is rounded: the last bit of DuckDB's own comes from a division with
// more digits than a DOUBLE has.
var views = []view{
	{
		name: "revenue_per_minute", window: "1 minute",
		columns: "country, count(*) AS orders, sum(amount) AS revenue",
		rest:    "GROUP BY window_start, window_end, country",
	},
	{
		name: "customers_10s", window: "10 seconds",
		columns: "count(*) AS orders, count(DISTINCT customer) AS customers, round(avg(quantity), 9) AS average, max(amount) AS dearest, min(order_id) AS first",
		rest:    "GROUP BY window_start, window_end",
	},
	{
		name:    "product_totals",
		columns: "product, count(*) AS orders, sum(quantity) AS items, sum(amount) AS revenue",
		rest:    "WHERE product IS NOT NULL GROUP BY product",
	},
	{
		name: "order_status",
		columns: "country, count(*) AS orders, count(*) FILTER (WHERE status = 'shipped') AS shipped, " +
			"count(DISTINCT customer) AS customers, bool_or(status = 'returned') AS returned, " +
			"round(100.0 * count(*) FILTER (WHERE status IN ('cancelled', 'returned')) / count(*), 1) AS lost_percent",
		rest: "GROUP BY country HAVING count(*) >= 10",
	},
}

// windowColumns are what TUMBLE adds.
const windowColumns = "window_start, window_end, "

func (v view) create() string {
	columns, from := v.columns, "orders"
	if v.window != "" {
		columns = windowColumns + columns
		from = fmt.Sprintf("TUMBLE(orders, ts, INTERVAL '%s')", v.window)
	}
	return fmt.Sprintf("CREATE MATERIALIZED VIEW IF NOT EXISTS %s AS\nSELECT %s\nFROM %s\n%s", v.name, columns, from, v.rest)
}

// expected is the view's SELECT over the source's rows that were not too late
// for it, with nothing of Millstream's own in it.
func (v view) expected() string {
	rows := fmt.Sprintf(`(SELECT * FROM orders o WHERE NOT EXISTS (SELECT 1 FROM "orders$late" l
  WHERE l."view" = '%s' AND l._partition = o._partition AND l._offset = o._offset))`, v.name)
	if v.window == "" {
		return fmt.Sprintf("SELECT %s FROM %s %s", v.columns, rows, v.rest)
	}
	windowed := fmt.Sprintf("(SELECT *, time_bucket(INTERVAL '%[1]s', ts) AS window_start, time_bucket(INTERVAL '%[1]s', ts) + INTERVAL '%[1]s' AS window_end FROM %[2]s)",
		v.window, rows)
	return fmt.Sprintf("SELECT %s FROM %s %s", windowColumns+v.columns, windowed, v.rest)
}

// difference gives the rows that only the view has, and those it lacks, all
// read at one epoch.
func (v view) difference() string {
	return fmt.Sprintf(`WITH got AS (SELECT * FROM %s), want AS (%s)
SELECT * FROM (SELECT * FROM got EXCEPT ALL SELECT * FROM want) AS r, (SELECT 'only in the view' AS side)
UNION ALL SELECT * FROM (SELECT * FROM want EXCEPT ALL SELECT * FROM got) AS r, (SELECT 'missing from the view')
ORDER BY ALL LIMIT 20`, v.name, v.expected())
}

// Statements returns what creates the job: the source of a topic, and its
// views. They may be run again.
func Statements(broker, topic string) []string {
	quote := func(s string) string { return strings.ReplaceAll(s, "'", "''") }
	statements := []string{fmt.Sprintf(source, quote(topic), quote(broker))}
	for _, v := range views {
		statements = append(statements, v.create())
	}
	return statements
}

// Totals returns a statement whose columns are all equal at any epoch, as many
// as the source has rows: the views count each row once, or it came too late.
func Totals() string {
	columns := []string{
		"(SELECT count(*) FROM orders)::BIGINT AS orders",
		"((SELECT count(product) FROM orders) - (SELECT coalesce(sum(orders), 0) FROM product_totals) + (SELECT count(*) FROM orders))::BIGINT AS product_totals",
	}
	for _, v := range views {
		if v.window != "" {
			columns = append(columns, fmt.Sprintf(`((SELECT coalesce(sum(orders), 0) FROM %[1]s) + (SELECT count(*) FROM "orders$late" WHERE "view" = '%[1]s'))::BIGINT AS %[1]s`, v.name))
		}
	}
	return "SELECT " + strings.Join(columns, ", ")
}

// Differences returns for each view a statement that gives one row for every
// one that the view has wrong.
func Differences() map[string]string {
	statements := map[string]string{}
	for _, v := range views {
		statements[v.name] = v.difference()
	}
	return statements
}
