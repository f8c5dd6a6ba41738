package catalog

import (
	"encoding/json"
	"maps"
	"testing"
)

// TestSourcesWithoutEncodeOptions reads a definition as it was kept before ENCODE
// had options, and writes one without them the same way.
func TestSourcesWithoutEncodeOptions(t *testing.T) {
	const before = `{"Name":"s","SQL":"","Columns":null,"EventTime":"","DelayMicros":0,"Connector":"kafka","Options":{"topic":"t"},"Format":"PLAIN",` +
		`"Encode":"JSON","Retention":0,"IdleTimeout":0,"MaxFuture":0,"NoHistory":false,"Paused":false,"Comments":null}`
	var d SourceDefinition
	if err := json.Unmarshal([]byte(before), &d); err != nil || d.EncodeOptions != nil {
		t.Fatalf("%+v, %v", d, err)
	}
	if got := string(Encode(&d)); got != before {
		t.Errorf("kept as %s\nwant %s", got, before)
	}
	d.Encode, d.EncodeOptions = "AVRO", map[string]string{"schema.registry": "http://r:8081"}
	var again SourceDefinition
	if err := json.Unmarshal(Encode(&d), &again); err != nil || !maps.Equal(again.EncodeOptions, d.EncodeOptions) {
		t.Errorf("%+v, %v", again, err)
	}
}
