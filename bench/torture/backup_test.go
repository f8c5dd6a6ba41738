package torture

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/shopcheck"
	"github.com/millstream-db/millstream/engine/backup"
	"github.com/millstream-db/millstream/engine/enginetest/result"
	"github.com/millstream-db/millstream/engine/killpoint"
	"github.com/millstream-db/millstream/ingest/broker"
)

var backups = flag.Int("backups", 6, "how many backups TestBackup takes, of which every second is killed at first")

// TestBackup takes backups while records come in, a table is written and queries run,
// and kills the server in the middle of some. Each backup that is whole is started on:
// it must be of one moment, read the rest of the topics, and then be right.
func TestBackup(t *testing.T) {
	seed := seedOf(t)
	parent := t.TempDir()
	k := &backupTest{
		crash: newCrash(t, seed, killRate, broker.Options{Topics: map[string]int{"names": 3}},
			"--checkpoint_interval=100ms", "--memory=16MiB", "--backup_to="+parent),
		parent: parent, held: make(map[string][2]int64),
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(k.addr), kgo.DefaultProduceTopic("names"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if k.options.Binary, err = killable(); err != nil {
		t.Fatal(err)
	}
	k.names = &keyedTopic{rand: rand.New(rand.NewPCG(seed, 3)), client: client, latest: make(map[int]string), of: upsert}
	db, stop := k.begin()
	mustExec(t, db, "CREATE SOURCE names (id BIGINT PRIMARY KEY, name VARCHAR) WITH (connector = 'kafka', properties.bootstrap.server = '"+k.addr+"', topic = 'names') FORMAT UPSERT ENCODE JSON",
		"CREATE TABLE notes (id BIGINT PRIMARY KEY, note VARCHAR)", "CREATE ROLE clerk LOGIN")
	began := time.Now()
	time.Sleep(2 * time.Second) // so that there is something to copy
	for i := range *backups {
		db = k.take(db, fmt.Sprint("backup-", i), i%2 == 1)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	k.want(db)
	if err := db.Stop(); err != nil {
		t.Error(err)
	}
	for i := range *backups {
		k.startOn(filepath.Join(k.parent, fmt.Sprint("backup-", i)))
	}
	if left, err := os.ReadDir(k.parent); err != nil || len(left) != *backups {
		t.Errorf("besides the backups there are %v (%v)", left, err)
	}
	result.Report(t, "backup", "%d backups of %d MB at most, longest %.1f s; %d kills while one was written, %d of them whole before; %d of %d records came amid backups, %d queries were right; all equal the oracle; %.0f s; seed %d",
		*backups, k.bytes>>20, k.longest, k.kills, k.whole, k.amid, k.feed.Sent(), k.questions.right.Load(), time.Since(began).Seconds(), seed)
}

// backupTest is the test's state.
type backupTest struct {
	*crash
	parent    string
	names     *keyedTopic
	notes     atomic.Int64 // rows that are durable in the table
	questions questions
	bytes     int64
	longest   float64 // seconds
	kills     int
	whole     int // backups that had their name when the server was killed
	amid      int64
	held      map[string][2]int64 // how many rows of the table each backup may have
}

// busy runs f while queries are asked, rows are written and a keyed topic changes. With
// kill the server dies meanwhile.
func (k *backupTest) busy(db *instance.Instance, kill bool, f func()) {
	ctx, cancel := context.WithCancel(k.t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			n := k.notes.Load() + 1
			// A killed server may have taken the row.
			sql := fmt.Sprintf("INSERT INTO notes VALUES (%d, 'note %[1]d') ON CONFLICT DO NOTHING", n)
			if db.Exec(ctx, sql) == nil {
				k.notes.Store(n)
			}
		}
	})
	running.Go(func() {
		for ctx.Err() == nil {
			_, err := shopcheck.VerifyStored(ctx, db)
			var refused *instance.Error
			switch {
			case err == nil:
				k.questions.right.Add(1)
			case ctx.Err() != nil:
			case errors.Is(err, shopcheck.ErrWrong) || errors.As(err, &refused) || !kill:
				k.t.Errorf("a query while a backup is written: %v", err)
				return
			}
		}
	})
	k.names.change(k.t, 1+k.names.rand.IntN(1000))
	f()
	cancel()
	running.Wait()
}

// take takes a backup, with a kill in the middle of a first one if asked for. It
// returns the server that runs then.
func (k *backupTest) take(db *instance.Instance, name string, kill bool) *instance.Instance {
	k.t.Helper()
	dir := filepath.Join(k.parent, name)
	if kill {
		db.Kill()
		db = k.killAmid(dir)
		if _, err := os.Stat(dir); err == nil {
			k.whole++
			return db
		}
	}
	k.busy(db, false, func() {
		durable, sent := k.notes.Load(), k.feed.Sent()
		a, err := db.Query(k.t.Context(), "BACKUP TO '"+name+"'")
		if err != nil {
			k.t.Fatal(err)
		}
		k.amid += k.feed.Sent() - sent
		if a.Rows[0][0] != dir {
			k.t.Errorf("the backup is in %v", a.Rows[0])
		}
		var bytes int64
		if _, err := fmt.Sscan(fmt.Sprint(a.Rows[0][3]), &bytes); err != nil {
			k.t.Error(err)
		}
		k.bytes = max(k.bytes, bytes)
		var seconds float64
		if _, err := fmt.Sscan(fmt.Sprint(a.Rows[0][4]), &seconds); err != nil {
			k.t.Error(err)
		}
		k.longest = max(k.longest, seconds)
		k.look(dir, durable)
	})
	return db
}

// killAmid runs a server that dies while it writes a backup, at a point or at any
// time, and returns the next one.
func (k *backupTest) killAmid(dir string) *instance.Instance {
	k.t.Helper()
	o := k.options
	at := k.random.IntN(3)
	if at < len(killpoint.Backup) {
		o.Env = []string{fmt.Sprintf("%s=%s 1 %s", killpoint.Env, killpoint.Backup[at], time.Duration(k.random.Int64N(int64(100*time.Millisecond))))}
	}
	db := start(k.t, o)
	durable := k.notes.Load()
	k.busy(db, true, func() {
		if at >= len(killpoint.Backup) {
			time.AfterFunc(time.Duration(k.random.Int64N(int64(500*time.Millisecond))), db.Kill)
		}
		_ = db.Exec(k.t.Context(), "BACKUP TO '"+filepath.Base(dir)+"'") // it may have been quick enough
		for deadline := time.Now().Add(killPatience); db.Running(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				k.t.Fatalf("%v: the process lives; the end of its log:\n%s", o.Env, db.Log(20))
			}
		}
	})
	k.kills++
	if _, err := os.Stat(dir); err == nil {
		k.look(dir, durable)
	} else if _, err := readFile(k.t.Context(), dir+backup.PartialSuffix); err != nil && strings.Contains(err.Error(), "next offset") {
		k.t.Errorf("what the killed backup left can be opened, and is wrong: %v", err)
	}
	return start(k.t, k.options)
}

// look looks into the file of a backup, with nobody at it: it must be of one moment,
// and have what was durable when the backup was asked for.
func (k *backupTest) look(dir string, durable int64) {
	k.t.Helper()
	if _, err := readFile(k.t.Context(), dir); err != nil {
		k.t.Fatalf("the backup %s: %v", dir, err)
	}
	if err := noFileLeft(dir); err != nil {
		k.t.Errorf("the backup %s: %v", dir, err)
	}
	k.held[dir] = [2]int64{durable, k.notes.Load() + 1}
}

// want waits until everything has come, and compares it with the oracle.
func (k *backupTest) want(db *instance.Instance) {
	k.t.Helper()
	waitFor(k.t, db, k.feed.Sent())
	f := mustVerify(k.t, db)
	if f.Records != k.feed.Sent() || f.Lag != 0 {
		k.t.Errorf("%d records are stored with a lag of %d, %d were sent", f.Records, f.Lag, k.feed.Sent())
	}
	if err := shopcheck.VerifyContent(k.t.Context(), db, k.orders, f.Next); err != nil {
		k.t.Error(err)
	}
	k.names.want(k.t, db)
}

// startOn goes on from a backup.
func (k *backupTest) startOn(dir string) {
	k.t.Helper()
	o := k.options
	o.Data = dir
	o.Settings = []string{"--checkpoint_interval=100ms", "--memory=16MiB"}
	db := start(k.t, o)
	if f, err := shopcheck.VerifyStored(k.t.Context(), db); err != nil || f.Records == 0 {
		k.t.Fatalf("the backup %s as it begins: %d records, %v", dir, f.Records, err)
	}
	k.want(db)
	rows, err := db.Integers(k.t.Context(), "SELECT count(*), max(id) FROM notes WHERE note = 'note ' || id")
	if err != nil {
		k.t.Fatal(err)
	}
	if n, may := rows[0][0], k.held[dir]; n != rows[0][1] || n < may[0] || n > may[1] {
		k.t.Errorf("the backup %s has %d rows of the table up to %d, want %d to %d", dir, n, rows[0][1], may[0], may[1])
	}
	if got := text(k.t, db, "SELECT name FROM millstream.roles WHERE name = 'clerk'"); got != "clerk" {
		k.t.Errorf("the backup %s has no roles", dir)
	}
	if err := db.Stop(); err != nil {
		k.t.Error(err)
	}
}
