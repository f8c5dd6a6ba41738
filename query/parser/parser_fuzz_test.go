package parser

import (
	"errors"
	"testing"

	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

var seeds = []string{
	"SELECT 1; SELECT ';' -- x\n; /* /* */ ; */ SELECT $a$;$a$",
	`SELECT E'\'' "a""b", 'a' 'b'`,
	"CREATE SOURCE s (a INT, \"B c\" DECIMAL(12,2)[], WATERMARK FOR a AS a - INTERVAL '5 s') WITH (connector = 'kafka', a.b-c = -5) FORMAT PLAIN ENCODE JSON (x = y)",
	"CREATE SOURCE s (*, a INT, WATERMARK FOR ts AS ts)", "CREATE SOURCE s INCLUDE key WITH (connector = 'kafka')",
	"CREATE SOURCE IF NOT EXISTS s (d DATE AS CAST(ts AS DATE)) INCLUDE header 'x' varchar AS y",
	"CREATE MATERIALIZED VIEW v WITH (retention = '1 day') AS SELECT count(*) FROM TUMBLE(s, ts, INTERVAL '1 minute') GROUP BY ALL EMIT CHANGES",
	"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, ISOLATION LEVEL SERIALIZABLE",
	"SET TIME ZONE INTERVAL '-05:00' HOUR TO MINUTE", "SHOW CREATE MATERIALIZED VIEW public.v",
	"EXPLAIN (ANALYZE false) SELECT 1", "DROP TABLE IF EXISTS a CASCADE", "\xff", "E'", "$$", "a\u00a0b",
}

func FuzzSplit(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		defer batchtest.MustEnd()()
		end := 0
		for _, p := range Split(sql) {
			if p.Offset < end || p.Offset+len(p.Text) > len(sql) || p.Text == "" {
				t.Fatalf("piece %+v out of order", p)
			}
			end = p.Offset + len(p.Text)
			if sql[p.Offset:end] != p.Text {
				t.Fatalf("piece %+v is not the text at its offset", p)
			}
			if again := Split(p.Text); len(again) != 1 || again[0].Text != p.Text {
				t.Fatalf("piece %q splits into %+v", p.Text, again)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		defer batchtest.MustEnd()()
		stmt, err := Parse(sql)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || len(e.Code) != 5 || e.Offset < NoOffset || e.Offset > len(sql) {
				t.Fatalf("error %#v", err)
			}
			return
		}
		if stmt.Command() == "" {
			t.Fatalf("%T has no tag", stmt)
		}
		checkRoundTrip(t, stmt)
		if s, ok := stmt.(*Select); ok && sql[s.Offset:s.Offset+len(s.SQL)] != s.SQL {
			t.Fatalf("query %+v is not the text at its offset", s)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"30 days", "1.5h", "00:00:05.25", "1 day 02:30", "9223372036854775807us"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		defer batchtest.MustEnd()()
		if d, err := ParseDuration(s); err == nil && d < 0 {
			t.Fatalf("%q is %v", s, d)
		}
	})
}
