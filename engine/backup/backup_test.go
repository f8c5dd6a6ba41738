package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/job"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

// database is a file with some rows, as the engine gives it to a backup.
type database struct {
	*checkpoint.Store
	held  int        // so often it can't be frozen
	froze func(bool) // told of every try, nil: nobody
}

func (d *database) Freeze(ctx context.Context, anyway bool) (*checkpoint.Frozen, error) {
	if d.froze != nil {
		d.froze(anyway)
	}
	if d.held--; d.held >= 0 {
		return nil, checkpoint.ErrHeld
	}
	return d.Store.Freeze(ctx, 1, anyway)
}

const rows = 200_000

func openDatabase(t *testing.T) (d *database, dir string) {
	t.Helper()
	dir = t.TempDir()
	store, err := checkpoint.Open(ctx, dir, duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	bigint := batch.Type{Kind: batch.BigInt}
	_, err = store.Commit(ctx, &checkpoint.Write{
		Epoch: 1, At: time.Now(), Tables: []history.Table{{Name: "s", Columns: []batch.Column{{Name: "n", Type: bigint}}}},
		Rows: []checkpoint.Rows{{Table: "s", SQL: fmt.Sprintf("SELECT hash(i)::HUGEINT %% 1000000000 FROM range(%d) t(i)", rows)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &database{Store: store}, dir
}

func take(db Database, dir string) (Summary, error) {
	var jobs job.List
	b, err := Start(db, &jobs, dir, "BACKUP")
	if err != nil {
		return Summary{}, err
	}
	return b.Wait(ctx)
}

// entries lists what is in a directory.
func entries(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestBackupIsADataDirectory(t *testing.T) {
	db, from := openDatabase(t)
	if err := os.WriteFile(filepath.Join(from, checkpoint.InitMarker), []byte("first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	dir := filepath.Join(parent, "monday")
	db.held = 2 // for now
	s, err := take(db, dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, checkpoint.FileName)); err != nil || s.Epoch != 1 || s.Rows != rows || s.Bytes != info.Size() || s.Duration <= 0 {
		t.Errorf("%+v; %v", s, err)
	}
	if got := entries(t, parent) + ": " + entries(t, dir); got != "monday: history.duckdb init.done" {
		t.Errorf("the backup is %s", got)
	}
	c, err := checkpoint.Open(ctx, dir, duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := c.Count(ctx, "main.s"); err != nil || n != rows {
		t.Errorf("%d rows are in the copy: %v", n, err)
	}
}

// TestStagedRowsAreNoDamage has a backup made when rows of a table lie in the file that is not
// there yet: they are not counted, and gone when the copy is opened.
func TestStagedRowsAreNoDamage(t *testing.T) {
	db, _ := openDatabase(t)
	mem := batch.NewAllocator()
	schema := batch.NewSchema([]batch.Column{{Name: "n", Type: batch.Type{Kind: batch.BigInt}}})
	b := batch.NewBuilder(mem, schema)
	b.Column(0).AppendInt64(7)
	rec := b.Finish()
	defer rec.Release()
	_, err := db.Commit(ctx, &checkpoint.Write{Epoch: 1, At: time.Now(), Stage: &checkpoint.Stage{
		Table: history.Table{Name: "v", Columns: schema.Columns}, Rows: &duck.RecordRelation{Schema: schema, Records: []arrow.RecordBatch{rec}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "monday")
	s, err := take(db, dir)
	if err != nil || s.Rows != rows {
		t.Fatalf("%d rows: %v", s.Rows, err)
	}
	c, err := checkpoint.Open(ctx, dir, duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := c.Count(ctx, `segments."v#0"`); err != nil || n != 1 {
		t.Errorf("%d rows are staged in the copy: %v", n, err)
	}
	if _, err := c.Load(ctx, func(*checkpoint.Object) ([]history.Table, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Count(ctx, "duckdb_tables() WHERE table_name = 'v#0'"); err != nil || n != 0 {
		t.Errorf("%d tables are left of it: %v", n, err)
	}
}

func TestWhereABackupMayBe(t *testing.T) {
	db, _ := openDatabase(t)
	parent := t.TempDir()
	in := func(names ...string) string { return filepath.Join(append([]string{parent}, names...)...) }
	for _, dir := range []string{"empty", "full", "theirs.partial", "busy.partial", "elsewhere"} {
		if err := os.Mkdir(in(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{in("full", "x"), in("file"), in("theirs.partial", "x"), in("elsewhere", checkpoint.FileName)} {
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(in("elsewhere"), in("link.partial")); err != nil {
		t.Fatal(err)
	}
	busy, err := claim(in("busy"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"empty": nil, "full": ErrNotEmpty, "file": ErrNotEmpty, "theirs": ErrNotEmpty, "busy": ErrBusy, "no/where": ErrNoParent, "link": os.ErrInvalid,
	} {
		_, err := take(db, in(name))
		switch {
		case want == os.ErrInvalid: // any error
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		case !errors.Is(err, want) || err != nil && !strings.Contains(err.Error(), in(name)):
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if got := entries(t, in("full")) + entries(t, in("theirs.partial")) + entries(t, in("elsewhere")); got != "xx"+checkpoint.FileName {
		t.Errorf("files of others are %s", got)
	}
	if err := busy.discard(); err != nil {
		t.Error(err)
	}
}

// What a killed backup leaves does not start, and goes with the next one.
func TestKilledBackupIsReplaced(t *testing.T) {
	db, _ := openDatabase(t)
	dir := filepath.Join(t.TempDir(), "monday")
	d, err := claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(d.partial, checkpoint.FileName)
	f, err := db.Freeze(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(left)
	if err != nil {
		t.Fatal(err)
	}
	killed, kill := context.WithCancel(ctx)
	kill()
	if err := f.CopyTo(killed, file, nil); err == nil {
		t.Error("the copy was not interrupted")
	}
	f.Release()
	file.Close()
	d.lock.Close() // as the kernel does
	if _, err := take(db, dir); err != nil {
		t.Error(err)
	}
	if got := entries(t, filepath.Dir(dir)); got != "monday" {
		t.Errorf("there are %s", got)
	}
}

// A copy that is not what was frozen is found out, and removed.
func TestDamagedCopyIsFoundOut(t *testing.T) {
	db, from := openDatabase(t)
	s, err := take(db, filepath.Join(t.TempDir(), "good"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(from, checkpoint.FileName))
	if err != nil {
		t.Fatal(err)
	}
	check := func(text []byte, epoch uint64) error {
		path := filepath.Join(t.TempDir(), checkpoint.FileName)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := open(ctx, path)
		if err != nil {
			return err
		}
		defer v.close()
		_, err = v.check(ctx, epoch)
		return err
	}
	if err := check(text, s.Epoch); err != nil {
		t.Errorf("a good copy: %v", err)
	}
	if err := check(text, s.Epoch+1); err == nil {
		t.Error("a copy of another epoch is taken for good")
	}
	blocks, found := 0, 0
	for at := 12<<10 + 100_000; at < len(text); at += 256 << 10 {
		damaged := append([]byte(nil), text...)
		damaged[at] ^= 1
		blocks++
		if err := check(damaged, s.Epoch); err != nil {
			found++
		}
	}
	if found < blocks*3/4 { // some may be free
		t.Errorf("a wrong bit was found in %d of %d blocks", found, blocks)
	}
	damaged := append([]byte(nil), text[:len(text)-300_000]...)
	if err := check(damaged, s.Epoch); err == nil {
		t.Error("a copy without its end is taken for good")
	}
}

func TestFreezeIsTriedForAWhile(t *testing.T) {
	db, _ := openDatabase(t)
	tries := 0
	db.held = 3
	db.froze = func(anyway bool) {
		if tries++; anyway {
			t.Error("frozen anyway at once")
		}
	}
	f, err := freeze(ctx, db)
	if err != nil || tries != 4 {
		t.Fatalf("%d tries: %v", tries, err)
	}
	f.Release()
	db.held = 1 << 30
	canceled, cancel := context.WithCancel(ctx)
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := freeze(canceled, db); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled backup: %v", err)
	}
}
