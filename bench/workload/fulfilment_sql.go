package workload

import (
	"fmt"
	"strings"
)

// paymentsSource and shipmentsSource have the broker's address and the registry's URL
// as their %s. Their columns are those of the schemas.
const (
	paymentsSource = `CREATE SOURCE IF NOT EXISTS payments (
  *, WATERMARK FOR paid_at AS paid_at - INTERVAL '5 seconds'
) WITH (connector = 'kafka', topic = 'payments', properties.bootstrap.server = '%s')
FORMAT PLAIN ENCODE AVRO (schema.registry = '%s')`

	shipmentsSource = `CREATE SOURCE IF NOT EXISTS shipments (
  *, WATERMARK FOR shipped_at AS shipped_at - INTERVAL '5 seconds'
) WITH (connector = 'kafka', topic = 'shipments', properties.bootstrap.server = '%s')
FORMAT PLAIN ENCODE PROTOBUF (schema.registry = '%s', message = 'shop.Shipment')`

	paymentMethodsView = `CREATE MATERIALIZED VIEW IF NOT EXISTS payment_methods AS
SELECT window_start, method, card->>'brand' AS brand, count(*) AS payments, sum(amount) AS paid
FROM TUMBLE(payments, paid_at, INTERVAL '1 minute')
GROUP BY window_start, method, brand`

	carriersView = `CREATE MATERIALIZED VIEW IF NOT EXISTS carriers AS
SELECT carrier, count(*) AS shipments, sum(json_array_length(parcels)) AS parcels
FROM shipments
GROUP BY carrier`
)

// FulfilmentStatements returns the statements that create the sources of payments and
// shipments, and the views over them.
func FulfilmentStatements(broker, registry string) []string {
	broker, registry = strings.ReplaceAll(broker, "'", "''"), strings.ReplaceAll(registry, "'", "''")
	return []string{
		fmt.Sprintf(paymentsSource, broker, registry), fmt.Sprintf(shipmentsSource, broker, registry), paymentMethodsView, carriersView,
	}
}

// FulfilmentQueries returns queries over them that are worth a try: nested fields of
// Avro, and a join of three formats.
func FulfilmentQueries() []ShopQuery {
	return []ShopQuery{
		{"How the orders of this minute are paid: a topic of Avro records", "SELECT method, brand, payments, paid FROM payment_methods ORDER BY window_start DESC, paid DESC LIMIT 5"},
		{"What was shipped last: JSON, Avro and Protobuf joined", "SELECT o.order_id, o.product, p.method, s.carrier, s.parcels->0->>'tracking' AS parcel FROM shipments s " +
			"JOIN orders o USING (order_id) JOIN payments p USING (order_id) ORDER BY s.shipped_at DESC LIMIT 3"},
	}
}
