package gate

import "testing"

// TestPlain asks whether anything keeps a row from being computed.
func TestPlain(t *testing.T) {
	t.Parallel()
	conn := open(t)
	exec(t, conn, tables)
	for text, want := range map[string]bool{
		"SELECT 1 + 0": false,
		"SELECT 1 / 0": true,
		"SELECT amount / order_id FROM orders ORDER BY 1":                                      true,
		"SELECT country, sum(amount) / count(*) FROM orders GROUP BY 1":                        true,
		"SELECT CASE WHEN order_id = 0 THEN 0 ELSE amount / order_id END FROM orders":          true,
		"SELECT amount / order_id FROM orders WHERE order_id <> 0":                             false,
		"SELECT country, sum(amount) / count(*) FROM orders GROUP BY 1 HAVING max(ts) IS NULL": false,
		"SELECT sum(amount / order_id) FILTER (order_id <> 0) FROM orders":                     false,
		"SELECT amount / row_number() OVER () FROM orders QUALIFY row_number() OVER () > 1":    false,
		"SELECT amount / price FROM orders JOIN prices ON item.sku = sku":                      false,
		"SELECT 10 / order_id FROM orders LIMIT 1":                                             false,
		"SELECT order_id <> 0 AND amount / order_id > 2 FROM orders":                           false,
		"SELECT order_id = 0 OR amount / order_id > 2 FROM orders":                             false,
		"SELECT CASE WHEN order_id <> 0 THEN (SELECT amount / order_id) END FROM orders":       false,
		"WITH t AS (SELECT amount / order_id AS q FROM orders) SELECT q FROM t":                true,
		"SELECT q FROM (SELECT amount / order_id AS q FROM orders) t":                          true,
		"SELECT q FROM (SELECT amount / order_id AS q FROM orders) t WHERE q > 1":              false,
		"SELECT amount / (SELECT 0) FROM orders":                                               false,
		"SELECT 1 / 0 UNION ALL SELECT 2":                                                      true,
		"SELECT DISTINCT ON (country) amount / order_id FROM orders":                           false,
		"SELECT amount / order_id FROM orders TABLESAMPLE 10%":                                 false,
	} {
		reads, err := admit(t, conn, text, Check)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if reads.Divides != want {
			t.Errorf("%s: divides %v", text, reads.Divides)
		}
	}
}
