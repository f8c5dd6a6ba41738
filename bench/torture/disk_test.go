package torture

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/shopcheck"
	"github.com/millstream-db/millstream/engine/enginetest/result"
	"github.com/millstream-db/millstream/ingest/broker"
)

const (
	// diskMiB leaves room for what a checkpoint wants to see free: some 130 MiB
	// with 32 MiB of hot rows.
	diskMiB     = 320
	diskRecords = 400_000
)

// smallDisk mounts a disk of a few megabytes.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", diskMiB)); err != nil {
		t.Skipf("NOT TESTED ON A FULL DISK: a tmpfs can't be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount the small disk: %v", err)
		}
	})
	return dir
}

// occupy fills the disk with a file until only so many bytes are free.
func occupy(t *testing.T, dir string, free int64) (path string) {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // what counts is the space it takes
	n := int64(st.Bavail)*st.Bsize - free
	for err = syscall.ENOSPC; errors.Is(err, syscall.ENOSPC) && n > 0; n -= 64 << 10 { // the database writes as well
		err = syscall.Fallocate(int(f.Fd()), 0, 0, n)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDiskFull fills the disk under a running database: reads go on, ingest
// waits and says why, and everything goes on by itself when there is space.
// The disk is filled to different degrees, the last of which leaves nothing.
func TestDiskFull(t *testing.T) {
	for _, free := range []int64{40 << 20, 8 << 20, 0} {
		t.Run(fmt.Sprintf("%d MiB left", free>>20), func(t *testing.T) { fillDisk(t, free) })
	}
}

func fillDisk(t *testing.T, free int64) {
	disk := smallDisk(t)
	b := startBroker(t, broker.Options{})
	orders := shopcheck.NewOrders(1, time.Now().Add(-48*time.Hour), time.Millisecond)
	feed, err := shopcheck.NewFeed(t.Context(), shopcheck.FeedOptions{Brokers: []string{b.Addr()}, Topic: "orders", Orders: orders})
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	o := options(t, "--checkpoint_interval=200ms", "--memory=32MiB")
	o.Data = filepath.Join(disk, "data")
	db := start(t, o)
	defer db.Kill() // before the disk goes
	mustExec(t, db, shopcheck.Statements(b.Addr(), "orders")...)
	if err := feed.Run(t.Context(), diskRecords/8); err != nil {
		t.Fatal(err)
	}
	waitFor(t, db, diskRecords/8)

	ballast := occupy(t, disk, free)
	if err := feed.Run(t.Context(), diskRecords*7/8); err != nil {
		t.Fatal(err)
	}
	noticed := waitForComplaint(t, db, o.Data)
	const count = `SELECT count(*) FROM orders`
	before := number(t, db, count)
	if before == 0 || before >= diskRecords {
		t.Errorf("%d rows are readable on a full disk", before)
	}
	mustVerify(t, db)
	time.Sleep(time.Second)
	if !db.Running() {
		t.Fatalf("millstream ended on a full disk; the end of its log:\n%s", db.Log(20))
	}

	freed := time.Now()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	waitFor(t, db, diskRecords)
	resumed := time.Since(freed)
	f := mustVerify(t, db)
	if err := shopcheck.VerifyContent(t.Context(), db, orders, f.Next); err != nil {
		t.Error(err)
	}
	if err := db.Stop(); err != nil {
		t.Fatal(err)
	}
	if next, err := readFile(t.Context(), o.Data); err != nil || sum(next) != diskRecords {
		t.Errorf("the file holds %d records (%v), %d were sent", sum(next), err, diskRecords)
	}
	result.Report(t, fmt.Sprintf("disk full, %d MiB left", free>>20), "%d rows stayed readable; %q; all %d records %.1f s after space was freed, 0 lost, 0 doubled",
		before, noticed, f.Records, resumed.Seconds())
}

// waitForComplaint waits until the log says that the disk that holds data is full.
func waitForComplaint(t *testing.T, db *instance.Instance, data string) (line string) {
	t.Helper()
	eventually(t, 30*time.Second, "an error that names "+data, func() bool {
		for l := range strings.Lines(db.Log(100)) {
			var entry struct{ Level, Err string }
			if json.Unmarshal([]byte(l), &entry) == nil && entry.Level == "ERROR" && strings.Contains(entry.Err, data) {
				line = strings.ReplaceAll(entry.Err, data, "DATA")
				return true
			}
		}
		return false
	}, func() string { return state(t, db) + "\n" + db.Log(10) })
	return line
}
