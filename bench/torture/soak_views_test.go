package torture

import (
	"fmt"

	"github.com/millstream-db/millstream/bench/workload"
)

// relation is a view over a source, and the same SELECT for plain DuckDB.
type relation struct {
	name, source string
	window, time string // the length of its windows, and the column that they go by; "": it has none
	columns      string
	join         string // behind FROM
	group        string
}

// soakViews are the views that the soak has beside those of shopcheck.
func soakViews() []relation {
	return []relation{
		{name: "pages_10s", source: "page_views", window: "10 seconds", time: "ts", group: "page",
			columns: "page, count(*) AS views, count(DISTINCT user_id) AS users, max(duration_ms) AS longest"},
		{name: "methods_1m", source: "payments", window: "1 minute", time: "paid_at", group: "method", columns: "method, count(*) AS n, sum(amount) AS paid"},
		{name: "carriers", source: "shipments", group: "carrier", columns: "carrier, count(*) AS n, max(order_id) AS newest"},
		{name: "regional", source: "orders", join: "JOIN regions r ON orders.country = r.country", group: "region",
			columns: "region, count(*) AS n, sum(amount) AS revenue"},
	}
}

func (r relation) create(name string) string {
	from, windows := r.source, ""
	if r.window != "" {
		from, windows = fmt.Sprintf("TUMBLE(%s, %s, INTERVAL '%s')", r.source, r.time, r.window), "window_start, "
	}
	return fmt.Sprintf("CREATE MATERIALIZED VIEW %s AS SELECT %s%s FROM %s %s GROUP BY %s%s", name, windows, r.columns, from, r.join, windows, r.group)
}

// expected is what the view must hold: its SELECT over the rows that did not come too late
// for it.
func (r relation) expected() string {
	windows, bucket := "", ""
	if r.window != "" {
		windows, bucket = "window_start, ", fmt.Sprintf(", time_bucket(INTERVAL '%s', %s) AS window_start", r.window, r.time)
	}
	rows := fmt.Sprintf(`(SELECT *%s FROM %s o WHERE NOT EXISTS (SELECT 1 FROM "%s$late" l WHERE l."view" = '%s' AND l._partition = o._partition AND l._offset = o._offset))`,
		bucket, r.source, r.source, r.name)
	return fmt.Sprintf("SELECT %s%s FROM %s %s %s GROUP BY %s%s", windows, r.columns, rows, r.source, r.join, windows, r.group)
}

// soakDifferences are statements that have no rows when all is right: of each view, and of each
// source, whose partitions have every offset below the next one once.
func soakDifferences(views []relation) (statements []string) {
	for _, v := range views {
		statements = append(statements, fmt.Sprintf(`WITH got AS (SELECT * FROM %s), want AS (%s)
SELECT * FROM (SELECT * FROM got EXCEPT ALL SELECT * FROM want) AS r, (SELECT 'only in the view' AS side)
UNION ALL SELECT * FROM (SELECT * FROM want EXCEPT ALL SELECT * FROM got) AS r, (SELECT 'missing from the view') ORDER BY ALL LIMIT 20`, v.name, v.expected()))
	}
	for _, source := range []string{workload.PageViewsTopic, workload.PaymentsTopic, workload.ShipmentsTopic} {
		statements = append(statements, fmt.Sprintf(`WITH stored AS (SELECT _partition, _offset FROM %[1]s UNION ALL SELECT _partition, _offset FROM "%[1]s$rejected"),
counted AS (SELECT _partition, count(*) AS n, sum(_offset) AS total, max(_offset) AS top FROM stored GROUP BY _partition)
SELECT p.partition, p.next_offset, n, total, top FROM (SELECT * FROM millstream.partitions WHERE source = '%[1]s') p FULL JOIN counted c ON p.partition = c._partition
WHERE coalesce(n, 0) <> next_offset OR coalesce(top, -1) + 1 <> next_offset OR coalesce(total, 0) <> next_offset * (next_offset - 1) // 2 OR next_offset IS NULL`, source))
	}
	return statements
}
