package history

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
)

var ctx = context.Background()

func open(t *testing.T) *duck.Conn {
	t.Helper()
	db, err := duck.Open("", duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	conn, err := db.Conn()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if err := conn.Exec(ctx, "CREATE SCHEMA segments"); err != nil {
		t.Fatal(err)
	}
	return conn
}

func text(t *testing.T, conn *duck.Conn, sql string) (out string) {
	t.Helper()
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if ok, err := rows.Next(); err != nil || !ok {
		t.Fatalf("%s: %v", sql, err)
	}
	if err := rows.Scan(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// days is a table with a retention of eight days, so that segments last one.
func days(retention time.Duration) *Table {
	return &Table{Name: `o"dd`, Retention: retention, Columns: []batch.Column{{Name: `day "of"`, Type: batch.Type{Kind: batch.BigInt}}}}
}

// TestSegmentsComeAndGoWithTheRetention writes a row a day, as checkpoints do.
func TestSegmentsComeAndGoWithTheRetention(t *testing.T) {
	conn, table := open(t), days(8*24*time.Hour)
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	first, err := Create(ctx, conn, table, 1, start)
	if err != nil {
		t.Fatal(err)
	}
	segments := []Segment{first}
	for day := range 30 {
		now := start.Add(time.Duration(day) * 25 * time.Hour)
		last := &segments[len(segments)-1]
		if err := conn.Exec(ctx, fmt.Sprintf("INSERT INTO %s VALUES (%d)", last.Name(), day)); err != nil {
			t.Fatal(err)
		}
		if last.Rows == 0 {
			last.Created = now
		}
		last.Rows, last.Last = last.Rows+1, now
		if segments, err = Maintain(ctx, conn, table, segments, now); err != nil {
			t.Fatal(err)
		}
		oldest := text(t, conn, `SELECT min("day ""of""")::VARCHAR || '..' || max("day ""of""")::VARCHAR || ' ' || count(*)::VARCHAR FROM main."o""dd"`)
		kept := 0 // the first day that is in the retention or shares a segment with one
		for _, s := range segments {
			kept += int(s.Rows)
		}
		if want := fmt.Sprintf("%d..%d %d", day+1-kept, day, kept); oldest != want {
			t.Fatalf("day %d: the view has %s, the segments %s", day, oldest, want)
		}
		if day < 8 && kept != day+1 || kept < min(day, 7) || kept > 10 {
			t.Errorf("day %d: %d days are kept, want those of the last eight", day, kept)
		}
	}
	if segments, err = Maintain(ctx, conn, table, segments, start.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if n := text(t, conn, `SELECT count(*)::VARCHAR FROM main."o""dd"`); n != "0" || len(segments) != 1 {
		t.Errorf("after a year of silence there are %s rows in %d segments", n, len(segments))
	}
	if err := Drop(ctx, conn, table.Name, segments); err != nil {
		t.Fatal(err)
	}
	if n := text(t, conn, "SELECT count(*)::VARCHAR FROM duckdb_tables()"); n != "0" {
		t.Errorf("%s tables are left", n)
	}
}

func TestWithoutRetentionNothingGoes(t *testing.T) {
	conn, table := open(t), days(0)
	first, err := Create(ctx, conn, table, 1, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	first.Rows = 1
	segments, err := Maintain(ctx, conn, table, []Segment{first}, time.Unix(1e10, 0))
	if err != nil || len(segments) != 1 {
		t.Errorf("%d segments, %v", len(segments), err)
	}
}
