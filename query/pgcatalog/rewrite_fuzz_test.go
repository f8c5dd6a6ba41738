package pgcatalog

import (
	"os"
	"testing"

	"github.com/millstream-db/millstream/query/parser"
)

// FuzzRewrite holds that no text breaks Rewrite and ResultTypes, that what it doesn't change is
// the same text, and that what it makes can be cut into tokens again.
func FuzzRewrite(f *testing.F) {
	for _, path := range []string{"testdata/clients/psql_meta", "testdata/clients/values", "testdata/rewrite"} {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, m := range queryPattern.FindAllStringSubmatch(string(text), -1) {
			f.Add(m[1])
		}
	}
	f.Add("(SELECT x::a[")
	f.Add("SELECT version()")
	f.Fuzz(func(t *testing.T, text string) {
		if types := ResultTypes(text, []string{"BIGINT"}); len(types) != 1 {
			t.Errorf("%d types: %q", len(types), text)
		}
		rewritten, changed := Rewrite(text)
		if !changed {
			if rewritten != text {
				t.Errorf("unchanged, but another text: %q", rewritten)
			}
			return
		}
		if _, err := parser.Lex(rewritten); err != nil {
			if _, ok := err.(*parser.Error); !ok {
				t.Errorf("%v: %q", err, rewritten)
			}
		}
	})
}
