package torture

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/enginetest/result"
	"github.com/millstream-db/millstream/engine/parquet/parquettest"
)

// historyRows is how many rows each of the files has, of which every thousandth
// can't be decoded.
const historyRows = 200_000

// writeHistory writes a file of rows from id first on, under another name until it
// is complete.
func writeHistory(t *testing.T, dir, name string, first int) {
	t.Helper()
	hidden := filepath.Join(dir, "."+name)
	if strings.HasSuffix(name, ".parquet") {
		parquettest.Write(t, hidden, fmt.Sprintf("SELECT CASE WHEN i %% 1000 = 999 THEN 'x' ELSE i::VARCHAR END AS id, 'customer ' || i AS name FROM range(%d, %d) t(i) ORDER BY t.i",
			first, first+historyRows))
	} else {
		var text []byte
		if strings.HasSuffix(name, ".csv") {
			text = append(text, "name,id\n"...)
		}
		for i := first; i < first+historyRows; i++ {
			id := fmt.Sprint(i)
			if i%1000 == 999 {
				id = `"x"`
			}
			if strings.HasSuffix(name, ".csv") {
				text = fmt.Appendf(text, "customer %d,%s\n", i, id)
			} else {
				text = fmt.Appendf(text, `{"id": %s, "name": "customer %d"}`+"\n", id, i)
			}
		}
		if err := os.WriteFile(hidden, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(hidden, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// TestFiles kills the database while it reads files of every format, and while new
// ones come. Every row must be there once.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	names := []string{"1.parquet", "2.ndjson", "3.csv", "4.csv", "5.parquet", "6.ndjson"}
	o := options(t, "--copy_from="+dir, "--checkpoint_interval=100ms")
	db := start(t, o)
	mustExec(t, db, "CREATE SOURCE rows (id BIGINT, name VARCHAR) WITH (connector = 'file', path = '*', poll.interval.ms = '100')",
		"CREATE MATERIALIZED VIEW per_thousand AS SELECT id // 1000 AS thousand, count(*) AS n, sum(id) AS ids FROM rows GROUP BY 1")
	want := int64(len(names) * historyRows)
	middle := 0
	for i, name := range names {
		writeHistory(t, dir, name, i*historyRows)
		now, written := int64(0), int64(i+1)*historyRows
		for deadline := time.Now().Add(patience); now%historyRows == 0 && now < written && time.Now().Before(deadline); {
			time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
			now = number(t, db, "SELECT coalesce(sum(rows + rejected), 0) FROM millstream.partitions")
		}
		time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond) // a checkpoint may come
		if now%historyRows != 0 {
			middle++
		}
		db.Kill()
		db = start(t, o)
	}
	bad := want / 1000
	wantNumber(t, db, "SELECT count(*) FROM rows", want-bad)
	for what, sql := range map[string]string{
		"rows are doubled":               "SELECT count(*) - count(DISTINCT id) FROM rows",
		"rows are others than were sent": fmt.Sprintf("SELECT sum(id) - %d FROM rows", want*(want-1)/2-bad*(bad*1000-1000)/2-bad*999),
		"names are others":               "SELECT count(*) FROM rows WHERE name <> 'customer ' || id",
		"rejected are not as many":       fmt.Sprintf(`SELECT count(*) - %d FROM "rows$rejected"`, bad),
		"offsets are doubled or missing": fmt.Sprintf(`SELECT count(*) FROM (SELECT p, count(DISTINCT o) AS n, max(o) + 1 AS m FROM (SELECT _partition AS p, _offset AS o FROM rows UNION ALL SELECT _partition, _offset FROM "rows$rejected") GROUP BY p) WHERE n <> %d OR m <> n`, historyRows),
		"the view has other rows":        "SELECT (SELECT count(*) FROM per_thousand WHERE n <> 999 OR ids <> thousand * 999000 + 498501) + (SELECT sum(n) FROM per_thousand) - (SELECT count(*) FROM rows)",
		"files are not done":             fmt.Sprintf("SELECT count(*) - %d FROM millstream.partitions WHERE next_offset = end_offset AND status = 'running' AND file IS NOT NULL", len(names)),
	} {
		if n := number(t, db, sql); n != 0 {
			t.Errorf("%s: %d", what, n)
		}
	}
	if middle == 0 {
		t.Error("no kill was in the middle of a file: the test proves little")
	}
	result.Report(t, "files", "%d kills, %d of them in the middle of a file, %d rows", len(names), middle, want)
	if err := db.Stop(); err != nil {
		t.Error(err)
	}
}
