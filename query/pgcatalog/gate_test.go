package pgcatalog

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/query/gate"
)

// gateRelations is the fixture's relations and the shadow catalog, as a session
// gives them to the gate.
type gateRelations struct{}

func (gateRelations) Lookup(schema, name string) (gate.Relation, bool) {
	schema, name = strings.ToLower(schema), strings.ToLower(name)
	if _, ok := Relation(schema, name); ok && schema != "" {
		return gate.Relation{Schema: schema, Name: name}, true
	}
	return gate.Relation{}, false
}

func (gateRelations) Names() []string        { return nil }
func (gateRelations) Macro(name string) bool { return Macro(name) }

var (
	queryPattern = regexp.MustCompile(`(?ms)^query\n(.*?)\n----`)
	oidPattern   = regexp.MustCompile(`\{[a-z$]+\}`)
)

// TestGate gives what clients send, rewritten, to the gate: it must let all of
// it pass.
func TestGate(t *testing.T) {
	db := openCatalog(t)
	paths, err := filepath.Glob("testdata/clients/*")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	n := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range queryPattern.FindAllStringSubmatch(string(text), -1) {
			n++
			rewritten, _ := Rewrite(oidPattern.ReplaceAllString(m[1], "1"))
			var tree string
			if err := db.QueryRow("SELECT json_serialize_sql(?::VARCHAR)::VARCHAR", rewritten).Scan(&tree); err != nil {
				t.Fatalf("%v\n%s", err, rewritten)
			}
			if _, err := gate.Check([]byte(tree), gateRelations{}); err != nil {
				t.Errorf("%s: %v\n%s", path, err, rewritten)
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d queries", n)
	}
}
