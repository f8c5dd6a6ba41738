package definition

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/query/parser"
)

// oddNames are names that a statement must quote, or spell with care.
var oddNames = []string{"id", "Id2", "select", "watermark", "primary", "FOR", `say "hi"`, "a b", "a.b", "'", "$1", "ü", "日本", "a\nb", "\t", "*", "--", "/*", "1st", ";", "(", "\u200b"}

// TestExpandedStatementsSayTheSame writes what records of any field names give as a
// statement, which is what the catalog keeps, and reads that again.
func TestExpandedStatementsSayTheSame(t *testing.T) {
	t.Parallel()
	types := []batch.Type{
		{Kind: batch.BigInt}, {Kind: batch.UBigInt}, {Kind: batch.Real}, {Kind: batch.Decimal, Precision: 38, Scale: 9}, {Kind: batch.Timestamp}, {Kind: batch.TimestampTZ},
		{Kind: batch.JSON}, {Kind: batch.UUID}, {Kind: batch.Interval}, {Kind: batch.Blob},
	}
	rapid.Check(t, func(r *rapid.T) {
		var d source.Description
		for _, name := range rapid.SliceOfDistinct(rapid.OneOf(rapid.SampledFrom(oddNames), rapid.StringN(1, 8, 63)), strings.ToLower).Draw(r, "names") {
			if strings.IndexByte(name, 0) >= 0 {
				continue
			}
			c := batch.Column{Name: name, Type: rapid.SampledFrom(types).Draw(r, "type")}
			if c.Type.Kind == batch.TimestampTZ && d.EventTime == "" {
				d.EventTime, d.Delay = name, 30*time.Second
			}
			d.Columns = append(d.Columns, c)
		}
		t0, err := parser.Parse("CREATE SOURCE s (zzz9 INT, *) WITH (connector = 'kafka')")
		if err != nil {
			r.Fatal(err)
		}
		expanded, _ := Expand(t0.(*parser.CreateSource), d)
		text := parser.FormatCreateSource(expanded, false)
		again, err := parser.Parse(text)
		if err != nil {
			r.Fatalf("%s: %v", text, err)
		}
		def, err := Source(again.(*parser.CreateSource), text, func(*catalog.SourceDefinition) error { return nil })
		if err != nil {
			r.Fatalf("%s: %v", text, err)
		}
		var got []batch.Column
		for _, c := range def.Columns[1:] {
			got = append(got, batch.Column{Name: c.Name, Type: c.Type})
		}
		if !slices.Equal(got, d.Columns) || def.EventTime != d.EventTime || def.DelayMicros != d.Delay.Microseconds() {
			r.Fatalf("%s\ngives %+v, event time %q", text, got, def.EventTime)
		}
	})
}

func TestListedColumnsWin(t *testing.T) {
	t.Parallel()
	d := source.Description{
		From: "x", EventTime: "ts", Delay: 5 * time.Second,
		Columns: []batch.Column{{Name: "id", Type: batch.Type{Kind: batch.Double}}, {Name: "ts", Type: batch.Type{Kind: batch.Timestamp}}},
	}
	for sql, want := range map[string]string{
		"CREATE SOURCE s":                                          "CREATE SOURCE s (\n  id DOUBLE,\n  ts TIMESTAMP,\n  WATERMARK FOR ts AS ts - INTERVAL '5 seconds'\n)",
		"CREATE SOURCE s (*, ID BIGINT)":                           "CREATE SOURCE s (\n  ts TIMESTAMP,\n  id BIGINT,\n  WATERMARK FOR ts AS ts - INTERVAL '5 seconds'\n)",
		"CREATE SOURCE s (*, ts VARCHAR)":                          "CREATE SOURCE s (\n  id DOUBLE,\n  ts VARCHAR\n)",
		"CREATE SOURCE s (*, t DATE AS (x), WATERMARK FOR t AS t)": "CREATE SOURCE s (\n  id DOUBLE,\n  ts TIMESTAMP,\n  t DATE AS (x),\n  WATERMARK FOR t AS t\n)",
		"CREATE SOURCE s (id INT PRIMARY KEY, *)":                  "CREATE SOURCE s (\n  id INT,\n  ts TIMESTAMP,\n  PRIMARY KEY (id)\n)",
		"CREATE SOURCE s (a INT, *, b INT AS (a)) INCLUDE offset":  "CREATE SOURCE s (\n  a INT,\n  id DOUBLE,\n  ts TIMESTAMP,\n  b INT AS (a),\n  record_offset BIGINT AS _offset,\n  WATERMARK FOR ts AS ts - INTERVAL '5 seconds'\n)",
	} {
		tree, err := parser.Parse(sql)
		if err != nil {
			t.Fatal(err)
		}
		before := parser.FormatCreateSource(tree.(*parser.CreateSource), false)
		expanded, notices := Expand(tree.(*parser.CreateSource), d)
		if got := parser.FormatCreateSource(expanded, false); got != want || len(notices) != 1 {
			t.Errorf("%s\n%s\nwant\n%s", sql, got, want)
		}
		if after := parser.FormatCreateSource(tree.(*parser.CreateSource), false); after != before {
			t.Errorf("%s has become\n%s", before, after)
		}
	}
}

func TestAWatermarkIsMissed(t *testing.T) {
	t.Parallel()
	d := source.Description{Columns: []batch.Column{{Name: "id", Type: batch.Type{Kind: batch.Double}}, {Name: "At", Type: batch.Type{Kind: batch.Timestamp}}}}
	for sql, want := range map[string]string{
		"CREATE SOURCE s": `source "s" has no watermark, which windows need: WATERMARK FOR "At" AS "At" - INTERVAL '5 seconds' behind its columns, or behind *, gives it one`,
		"CREATE SOURCE s (*, WATERMARK FOR at AS at)": "",
		"CREATE SOURCE s (*, at DATE)":                "",
		"CREATE SOURCE s (id INT PRIMARY KEY, *)":     "",
	} {
		tree, err := parser.Parse(sql)
		if err != nil {
			t.Fatal(err)
		}
		_, notices := Expand(tree.(*parser.CreateSource), d)
		if got := strings.Join(notices[1:], "; "); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
}
