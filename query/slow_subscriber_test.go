package query

import (
	"errors"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine"
)

func openWith(t *testing.T, o engine.Options) *DB {
	t.Helper()
	db := openLeakless(t, "", o)
	exec(t, db, ordersSQL)
	exec(t, db, `CREATE MATERIALIZED VIEW per_id AS SELECT id % 20000 AS g, count(*) AS n, sum(id) AS s FROM orders GROUP BY 1`)
	return db
}

// TestSlowSubscribersAreCutOff lets subscriptions stand still, once for too long
// and once while they keep too much old state from being freed. What they were
// handed last stays readable; the next thing that they are told is why they end.
func TestSlowSubscribersAreCutOff(t *testing.T) {
	for _, c := range []struct {
		name     string
		options  engine.Options
		fragment string
	}{
		{"too long", engine.Options{Tick: time.Millisecond, SubscriptionLag: 50 * time.Millisecond}, "has been at epoch"},
		{"too much", engine.Options{Tick: time.Millisecond, SubscriptionBytes: 1 << 20}, "MiB of old state"},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := openWith(t, c.options)
			fill(t, db, 0, 20000)
			r := follow(t, db, "SUBSCRIBE per_id")
			rec, err := r.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(20 * time.Second); db.Engine().Subscriptions().Cut == 0; {
				fill(t, db, 0, 20000)
				if time.Now().After(deadline) {
					t.Fatal("it is not cut off")
				}
			}
			for db.Engine().Subscriptions().Open > 0 {
				runtime.Gosched()
			}
			if rec.Column(1).ValueStr(0) != "1" {
				t.Error("the rows that were handed out have gone")
			}
			var e *Error
			if _, err := r.Next(ctx); !errors.As(err, &e) || e.Code != CodeConfigurationLimit || !strings.Contains(e.Message, c.fragment) {
				t.Errorf("told %v", err)
			}
		})
	}
}

// TestPlacesAreGivenUp: what the place of a subscription that has ended keeps
// from being freed is freed after a while.
func TestPlacesAreGivenUp(t *testing.T) {
	db := openWith(t, engine.Options{Tick: time.Millisecond, SubscriptionResume: 2 * time.Second})
	fill(t, db, 0, 20000)
	r := follow(t, db, "SUBSCRIBE per_id")
	told(t, r)
	r.Close()
	fill(t, db, 0, 20000)
	kept := db.Engine().Allocator().Bytes()
	for deadline := time.Now().Add(20 * time.Second); db.Engine().Allocator().Bytes() > kept-200_000; {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes were allocated, %d are after the place should be given up", kept, db.Engine().Allocator().Bytes())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestIdleSubscriptionsSleep measures the process: a subscription that waits
// does nothing.
func TestIdleSubscriptionsSleep(t *testing.T) {
	db := openWith(t, engine.Options{Tick: time.Hour})
	var all []*Result
	for range 20 {
		r := follow(t, db, "SUBSCRIBE per_id")
		told(t, r)
		all = append(all, r)
	}
	done := make(chan struct{})
	for _, r := range all {
		go func() {
			_, _ = r.poll(ctx, 400*time.Millisecond)
			done <- struct{}{}
		}()
	}
	before := processTime(t)
	for range all {
		<-done
	}
	if used := processTime(t) - before; used > 200*time.Millisecond {
		t.Errorf("20 idle subscriptions took %s of CPU in 400 ms", used)
	}
}

func processTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
