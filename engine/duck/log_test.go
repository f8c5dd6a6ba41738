package duck

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// logged is a database that was killed, and how long its log was after each commit.
type logged struct {
	file, log []byte
	lengths   []int
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// writeFiles writes those of the files that have a text.
func writeFiles(t *testing.T, files map[string][]byte) {
	t.Helper()
	for name, text := range files {
		if text == nil {
			continue
		}
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// commitsOf makes a database in whose log there are commits of several sizes.
func commitsOf(t *testing.T, rows ...int) (l logged) {
	t.Helper()
	db, path := openFile(t)
	c := connect(t, db)
	for n, count := range rows {
		sql := fmt.Sprintf("INSERT INTO t SELECT 10 * i + %d FROM range(%d) r(i)", n, count)
		if n == 0 {
			sql = "CREATE TABLE t (n BIGINT)" // all words are different
		}
		if err := c.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
		l.log = readFile(t, path+logSuffix)
		l.lengths = append(l.lengths, len(l.log))
	}
	l.file = readFile(t, path)
	return l
}

// open opens the file with another log, and returns how many commits there are, those before them
// included.
func (l logged) open(t *testing.T, log []byte) (commits int, cut int64, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.duckdb")
	writeFiles(t, map[string][]byte{path: l.file, path + logSuffix: log})
	db, err := Open(path, Options{})
	if err != nil {
		return 0, 0, err
	}
	defer db.Close()
	c := connect(t, db)
	found := map[int64]int64{}
	err = c.Each(context.Background(), "SELECT n % 10 AS commit, count(*) FROM t GROUP BY commit", func(scan func(dest ...any) error) error {
		var n, rows int64
		err := scan(&n, &rows)
		found[n] = rows
		return err
	})
	if err != nil {
		return 0, db.Cut(), nil //nolint:nilerr // the table's commit is missing
	}
	for n := range int64(len(found)) {
		if found[n+1] == 0 {
			t.Errorf("the commits %v are there: not the first ones", found)
		}
	}
	return len(found) + 1, db.Cut(), nil
}

// A log whose last commit is on the disk in part, with zeros in the place of the pages that
// are not, is a log without that commit.
func TestTornCommits(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	l := commitsOf(t, 0, 10, 3000, 1, 700, 20_000, 5)
	cuts := 0
	for n, end := range l.lengths {
		begin := 0
		if n > 0 {
			begin = l.lengths[n-1]
		}
		for range 12 {
			log, lost := bytes.Clone(l.log[:end]), false
			for page := begin / logPage; page*logPage < end; page++ {
				if random.IntN(3) == 0 {
					from, to := max(begin, page*logPage), min(end, (page+1)*logPage)
					lost = lost || len(bytes.Trim(log[from:to], "\x00")) > 0
					clear(log[from:to])
				}
			}
			want := n + 1
			if lost {
				want = n
			}
			got, cut, err := l.open(t, log)
			if err != nil || got != want {
				t.Fatalf("commit %d from byte %d to %d, torn: %t: %d commits are there, want %d; %v", n, begin, end, lost, got, want, err)
			}
			if cut > 0 {
				cuts++
			}
		}
	}
	if cuts == 0 {
		t.Error("no log was cut")
	}
}

// A process that opens its file again may find that of its last commit, too: what an fsync that failed
// had to make durable is not on the disk.
func TestTornCommitsInTheProcess(t *testing.T) {
	t.Parallel()
	db, path := openFile(t)
	c := connect(t, db)
	for _, sql := range []string{"CREATE TABLE t (n BIGINT)", "INSERT INTO t FROM range(3000)"} {
		if err := c.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	db.inst.sever()
	log := readFile(t, path+logSuffix)
	clear(log[2*logPage:])
	writeFiles(t, map[string][]byte{path + logSuffix: log})
	if err := db.Reopen(noSetUp); err != nil {
		t.Fatal(err)
	}
	if err := connect(t, db).Exec(t.Context(), "SELECT error('the commit is there') FROM t"); err != nil || db.Cut() == 0 {
		t.Errorf("%d bytes were cut off; %v", db.Cut(), err)
	}
}

// Damage to a commit that others follow is refused, whatever DuckDB makes of it.
func TestDamagedCommits(t *testing.T) {
	t.Parallel()
	l := commitsOf(t, 0, 10, 3000, 1, 700)
	frame := func(at int) int { // where the length of the first entry of a commit is
		return l.lengths[at-1]
	}
	for name, damage := range map[string]func(log []byte){
		"a page of zeros":        func(log []byte) { clear(log[2*logPage : 3*logPage]) },
		"zeros at its beginning": func(log []byte) { clear(log[:logPage]) },
		"a length of zero":       func(log []byte) { clear(log[frame(2):][:8]) },
		"a length beyond its end": func(log []byte) {
			binary.LittleEndian.PutUint64(log[frame(2):], 1<<30)
		},
		"a negative length": func(log []byte) {
			binary.LittleEndian.PutUint64(log[frame(2):], 1<<63)
		},
		"a length within it": func(log []byte) { log[frame(2)] ^= 2 },
		"a flipped bit":      func(log []byte) { log[frame(2)+100] ^= 4 },
		"a flipped bit in the last commit": func(log []byte) {
			log[len(log)-100] ^= 4
		},
		"a length in the last commit": func(log []byte) {
			binary.LittleEndian.PutUint64(log[frame(4):], 1<<30)
		},
	} {
		log := bytes.Clone(l.log)
		damage(log)
		commits, _, err := l.open(t, log)
		if err == nil || !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), DamageHint) {
			t.Errorf("%s: %d commits, want a refusal; %v", name, commits, err)
		}
	}
}

// A log that is cut off within its last commit is a log without it.
func TestCutCommits(t *testing.T) {
	t.Parallel()
	l := commitsOf(t, 0, 10, 3000, 1)
	for n := 1; n < len(l.lengths); n++ {
		for at := l.lengths[n-1]; at < l.lengths[n]; at += 1 + (l.lengths[n]-l.lengths[n-1])/20 {
			if got, _, err := l.open(t, l.log[:at]); err != nil || got != n {
				t.Errorf("cut at %d of %d: %d commits are there, want %d; %v", at, l.lengths[n], got, n, err)
			}
		}
	}
}

// What ends a commit is as it is taken to be: it depends on DuckDB's version.
func TestLogFormat(t *testing.T) {
	t.Parallel()
	l := commitsOf(t, 0, 1, 2)
	if n := bytes.Count(l.log, logCommit); n != 3 || !bytes.HasSuffix(l.log, logCommit) || !bytes.HasPrefix(l.log, logBegin) {
		t.Errorf("a log of 3 commits has %d ends of commits: % x", n, l.log)
	}
	if end, err := endOfFrames(bytes.NewReader(l.log), int64(len(l.log))); err != nil || end != int64(len(l.log)) {
		t.Errorf("the frames of a log of %d bytes end at %d; %v", len(l.log), end, err)
	}
}

// A file that was not made to its end is made anew, and so is an empty one; one that has a log, or that nothing
// says so of, is not.
func TestMakeFileAgain(t *testing.T) {
	t.Parallel()
	l := commitsOf(t, 0, 10)
	for name, c := range map[string]struct {
		file, log []byte
		noted     bool
		commits   int // -1: it is refused
	}{
		"nothing":                    {nil, nil, false, 0},
		"nothing yet":                {nil, nil, true, 0},
		"an empty file":              {[]byte{}, nil, false, 0},
		"parts":                      {l.file[:5000], nil, true, 0},
		"zeros":                      {make([]byte, fileHeads), nil, true, 0},
		"all of it":                  {l.file, nil, true, 0},
		"a log":                      {l.file, l.log, true, 2},
		"parts that nobody was at":   {l.file[:5000], nil, false, -1},
		"parts, though with commits": {l.file[:5000], l.log, true, -1},
	} {
		path := filepath.Join(t.TempDir(), "x.duckdb")
		note := []byte("x")
		if !c.noted {
			note = nil
		}
		writeFiles(t, map[string][]byte{path: c.file, path + logSuffix: c.log, path + newSuffix: note})
		db, err := Open(path, Options{})
		if (err == nil) != (c.commits >= 0) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		err = connect(t, db).Exec(t.Context(), "FROM t")
		if (err == nil) != (c.commits > 0) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(path + newSuffix); err == nil {
			t.Errorf("%s: it is still noted", name)
		}
		db.Close()
	}
}
