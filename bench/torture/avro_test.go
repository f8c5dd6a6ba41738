package torture

import (
	"fmt"
	"testing"

	avrolib "github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
)

// saleSchemas are the schemas of a topic of Avro records.
var saleSchemas = []string{
	`{"type":"record","name":"Sale","namespace":"shop","fields":[
		{"name":"Country","type":{"type":"enum","name":"Country","symbols":["DE","FR","US"]}},
		{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},
		{"name":"quantity","type":"int"},
		{"name":"sold_at","type":{"type":"long","logicalType":"timestamp-millis"}}]}`,
	`{"type":"record","name":"Sale","namespace":"shop","fields":[
		{"name":"sold_at","type":{"type":"long","logicalType":"timestamp-micros"}},
		{"name":"Country","type":{"type":"enum","name":"Country","symbols":["DE","US","FR","IT"]}},
		{"name":"coupon","type":["null","string"],"default":null},
		{"name":"internal","type":{"type":"map","values":["null","long"]},"default":{}},
		{"name":"quantity","type":"long"},
		{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}}]}`,
}

var avroSales = saleFormat{
	encode: "AVRO", schemas: []sr.Schema{{Schema: saleSchemas[0]}, {Schema: saleSchemas[1]}}, write: writeAvro,
	poison: "\x80\x80", says: `column "sold_at": the record ends inside the value`,
}

func writeAvro(t *testing.T, schema int, id uint32, s sale) []byte {
	t.Helper()
	fields := map[string]any{
		"Country": s.country, "amount": fmt.Sprintf("%d.%02d", s.cents/100, s.cents%100), "quantity": s.quantity, "sold_at": s.soldAtMillis,
	}
	if schema == 1 {
		fields["sold_at"], fields["internal"] = s.soldAtMillis*1000, map[string]any{"k": s.cents}
		if s.coupon {
			fields["coupon"] = "WINTER"
		}
	}
	value, err := avrolib.MustParse(saleSchemas[schema]).AppendEncode(frame(id), fields)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
