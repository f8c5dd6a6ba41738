package duck

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"testing"
)

// A fold that has overwritten a part of the blocks of metadata and not the heads leaves a database without
// the fold; a copy that is not whole, or of another time, is not looked at.
func TestFoldsThatWereTorn(t *testing.T) {
	t.Parallel()
	db, path := openFile(t)
	c := connect(t, db)
	var before, after, copied, log []byte
	for n := range 3 {
		if err := c.Exec(context.Background(), fmt.Sprintf("CREATE TABLE t%d AS SELECT i FROM range(1000) r(i)", n)); err != nil {
			t.Fatal(err)
		}
		if err := c.KeepMetadata(t.Context()); err != nil {
			t.Fatal(err)
		}
		before, log, copied = readFile(t, path), readFile(t, path+logSuffix), readFile(t, path+metadataSuffix)
		if err := c.Exec(context.Background(), "CHECKPOINT"); err != nil {
			t.Fatal(err)
		}
		after = readFile(t, path)
	}
	overwritten := 0
	for at := fileHeads; at < len(before); at += 256 << 10 {
		if !bytes.Equal(before[at:at+256<<10], after[at:at+256<<10]) {
			overwritten++
		}
	}
	if overwritten == 0 {
		t.Fatal("no block was overwritten: there is nothing to protect")
	}
	torn := bytes.Clone(before) // with all but the first page of each block, where its checksum is, as the fold has written it
	for at := fileHeads; at < len(before); at += 256 << 10 {
		copy(torn[at+4096:at+256<<10], after[at+4096:])
	}
	damaged := bytes.Clone(copied)
	damaged[len(damaged)/2] ^= 1
	for name, files := range map[string]struct {
		file, log, metadata []byte
		opens               bool
	}{
		"torn":                     {torn, log, copied, true},
		"torn without a copy":      {torn, log, nil, false},
		"torn with a damaged copy": {torn, log, damaged, false},
		"not torn":                 {before, log, copied, true},
		"folded":                   {after, nil, copied, true},
		"folded, a damaged copy":   {after, nil, damaged, true},
	} {
		path := filepath.Join(t.TempDir(), "x.duckdb")
		writeFiles(t, map[string][]byte{path: files.file, path + logSuffix: files.log, path + metadataSuffix: files.metadata})
		db, err := Open(path, Options{})
		if (err == nil) != files.opens {
			t.Errorf("%s: opened: %v", name, err)
		}
		if err != nil {
			continue
		}
		if err := connect(t, db).Exec(context.Background(), "SELECT error('a table is not there') FROM (SELECT count(*) AS n FROM (FROM t0 UNION ALL FROM t1 UNION ALL FROM t2)) WHERE n <> 3000"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		db.Close()
	}
}
