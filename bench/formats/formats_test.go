package main

import (
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(config{records: 100, rounds: 1, patient: time.Millisecond}, &out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"JSON", "CSV", "Avro", "Protobuf"} {
		if !strings.Contains(out.String(), "\n| "+name+" | ") {
			t.Errorf("%s is missing:\n%s", name, &out)
		}
	}
}

// TestOtherRowsAreFound changes a record of one format.
func TestOtherRowsAreFound(t *testing.T) {
	t.Parallel()
	all, schema, err := newFormats(10)
	if err != nil {
		t.Fatal(err)
	}
	csv := all[1]
	csv.records[3] = []byte(strings.Replace(string(csv.records[3]), "/catalogue", "/Catalogue", 1))
	if err := compare(all, schema); err == nil || !strings.Contains(err.Error(), "page of record 3 is /Catalogue") {
		t.Errorf("got %v", err)
	}
}
