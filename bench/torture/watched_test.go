package torture

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/torture/disk"
)

var callsTried = flag.Int("calls", 4, "at how many calls of each scenario TestPowerCuts fails the power and TestFailingCalls a call; 0: at every one")

// library builds what watches the calls of a process.
var library = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(buildDir, "calls")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	return disk.Build(context.Background(), dir)
})

// scenario is what a process does while its calls are watched.
type scenario struct {
	name  string
	first []*deed // done before, and left in the log by a kill
	deeds []*deed
	stops bool // in the end, politely: otherwise it is killed
}

// scenarios are all that changes files: what commits write into the log, the log folded into the file
// and row groups written past it, and a start that reads a log, with the orderly end.
func scenarios() []scenario {
	restarted := deeds(8, 50, 0)
	return []scenario{
		{name: "commits", deeds: deeds(8, 20, 0)},
		{name: "folds", deeds: deeds(8, 2_000, 150_000)},
		{name: "restart", first: restarted[:20], deeds: restarted[20:], stops: true},
	}
}

// stage is where a scenario runs.
type stage struct {
	scenario
	options  instance.Options // of a process whose calls nobody watches
	preload  string           // the library that watches
	template string           // a directory as it is before the scenario
	dir      string           // for whatever
}

// stages prepares all scenarios.
func stages(t *testing.T) (list []*stage) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skipf("NOT TESTED WITH FAILING FILE SYSTEM CALLS: a library is put before libc, which is known to work on Linux, not on %s", runtime.GOOS)
	}
	lib, err := library()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := killable() // it folds a log of 256 KiB
	if err != nil {
		t.Fatal(err)
	}
	for _, sc := range scenarios() {
		dir := t.TempDir()
		s := &stage{scenario: sc, preload: lib, dir: dir, template: filepath.Join(dir, "template")}
		s.options = instance.Options{Binary: binary, Data: s.template, Log: filepath.Join(dir, "millstream.log"), Settings: []string{"--memory=32MiB", "--duckdb_memory=64MiB"}}
		if len(s.first) > 0 {
			db := start(t, s.options)
			if err := doAll(t.Context(), db, s.first, "", time.Minute); err != nil {
				t.Fatal(err)
			}
			db.Kill()
		}
		list = append(list, s)
	}
	return list
}

// watch is how the calls below a directory are watched.
func (s *stage) watch(data string) disk.Watch {
	return disk.Watch{Library: s.preload, Directory: data, Journal: data + ".journal"}
}

// play plays the scenario to its end, with all calls well, and returns its deeds, its calls, and the image of the
// directory before them.
func (s *stage) play(t *testing.T) (list []*deed, journal []disk.Call, image *disk.Image) {
	t.Helper()
	data, err := s.fresh("watched")
	if err != nil {
		t.Fatal(err)
	}
	w := s.watch(data)
	if image, err = disk.Load(data); err != nil {
		t.Fatal(err)
	}
	list, db, err := s.run(t.Context(), w)
	if err == nil && s.stops {
		err = db.Stop()
	}
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	db.Kill()
	if journal, err = disk.ReadJournal(w.Journal); err != nil {
		t.Fatal(err)
	}
	return list, journal, image
}

// inParallel has as many goroutines as there are processors do what is given to next, until all is done.
func inParallel[T any](do func(T)) (next chan<- T, done func()) {
	work := make(chan T)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for x := range work {
				do(x)
			}
		})
	}
	return work, func() {
		close(work)
		workers.Wait()
	}
}

// fresh makes a directory as it is before the scenario.
func (s *stage) fresh(name string) (dir string, err error) {
	dir = filepath.Join(s.dir, name)
	if len(s.first) == 0 {
		return dir, nil
	}
	return dir, os.CopyFS(dir, os.DirFS(s.template))
}

// run plays the scenario in a directory, with its calls watched, on copies of the deeds, which it returns
// with where the journal was. The error of a start is instance.Start's, and there is no instance then.
func (s *stage) run(ctx context.Context, w disk.Watch) (list []*deed, db *instance.Instance, err error) {
	for _, d := range s.deeds {
		c := *d
		c.begun, c.answered = never, never
		list = append(list, &c)
	}
	o := s.options
	o.Data, o.Log, o.Env = w.Directory, w.Directory+".log", w.Env()
	if db, err = instance.Start(ctx, o); err != nil {
		return list, nil, err
	}
	return list, db, doAll(ctx, db, list, w.Journal, 30*time.Second)
}

// chosen returns at which of n calls something is to happen.
func chosen(random *rand.Rand, n int) map[int]bool {
	at := make(map[int]bool)
	for _, i := range random.Perm(n) {
		if *callsTried > 0 && len(at) == *callsTried {
			break
		}
		at[i] = true
	}
	return at
}

// recover starts on a disk after a power cut and looks at what is there, then does what is not sure to be done, and
// looks again. After a kill the power fails as soon as there is an answer.
func (s *stage) recover(ctx context.Context, c cut, list []*deed) error {
	o, w := s.options, s.watch(c.data)
	o.Data, o.Log = c.data, c.data+".log"
	if c.killed != nil {
		o.Env = w.Env()
	}
	db, err := instance.Start(ctx, o)
	if err != nil {
		return err
	}
	defer db.Kill()
	f, err := look(ctx, db)
	if err != nil {
		return err
	}
	if err := f.judge(list, c.end); err != nil {
		return err
	}
	list = slices.Clone(list)
	for n, d := range list {
		if d.at(c.end) == sure {
			continue
		}
		if err := d.do(ctx, db, 10*time.Second); err != nil {
			return fmt.Errorf("done after the start: %w", err)
		}
		done := *d
		done.begun, done.answered = 0, 0
		list[n] = &done
		if c.killed != nil { // once its answer is there, the power may fail
			break
		}
	}
	db.Kill()
	if c.killed == nil {
		return s.whole(ctx, c.data, list)
	}
	after, err := powerCut(w, c.killed)
	if err != nil {
		return err
	}
	if err := s.recover(ctx, cut{data: after, end: c.end}, list); err != nil {
		return fmt.Errorf("killed, started again, and the power failed: %w", err)
	}
	return os.RemoveAll(after)
}

// powerCut makes the disk on which the power has failed behind the last call of a journal, of which nothing is that was
// not durable.
func powerCut(w disk.Watch, image *disk.Image) (data string, err error) {
	journal, err := disk.ReadJournal(w.Journal)
	if err != nil {
		return "", err
	}
	for _, c := range journal {
		if err := image.Apply(c); err != nil {
			return "", err
		}
	}
	data = w.Directory + "-after"
	return data, image.PowerCut(data, 0, nil)
}

// whole starts on a directory, in which all deeds must be found, and ends in order, with no file too many.
func (s *stage) whole(ctx context.Context, data string, list []*deed) error {
	o := s.options
	o.Data, o.Log = data, data+".log"
	db, err := instance.Start(ctx, o)
	if err != nil {
		return fmt.Errorf("another start: %w", err)
	}
	defer db.Kill()
	f, err := look(ctx, db)
	if err == nil {
		err = f.judge(list, never)
	}
	if err == nil {
		err = db.Stop()
	}
	if err == nil {
		err = noFileLeft(data)
	}
	if err != nil {
		return fmt.Errorf("after another start: %w", err)
	}
	return nil
}
