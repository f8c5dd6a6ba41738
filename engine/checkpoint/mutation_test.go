package checkpoint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/duck"
)

// copyDir copies the files of a store, which may be open.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "data"), os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "data")
}

// A log and a file that do not belong together are refused: one of them is of another
// time, or of another database.
func TestLogsOfOtherFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	var times []string // before and after each fold
	for n := int64(1); n <= 8; n++ {
		commit(t, s, n)
		times = append(times, copyDir(t, dir))
		if n%2 == 0 {
			if err := s.Fold(ctx, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	other := t.TempDir()
	o := open(t, other)
	defer o.Close()
	commit(t, o, 1)
	commit(t, o, 2)
	times = append(times, copyDir(t, other))
	for i, file := range times {
		for j, log := range times {
			if i/2 == j/2 { // the log is this file's, though it may be cut, which can't be told
				continue
			}
			dir := copyDir(t, file)
			text, err := os.ReadFile(filepath.Join(log, FileName+".wal"))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, FileName+".wal"), text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			s, err := Open(ctx, dir, duck.Options{Threads: 1})
			if err == nil {
				t.Errorf("the file of time %d is opened with the log of time %d", i, j)
				s.Close()
			} else if !strings.Contains(err.Error(), filepath.Join(dir, FileName)) || !strings.Contains(err.Error(), duck.DamageHint) {
				t.Errorf("the error does not say what to do: %v", err)
			}
		}
	}
}

// A file without a format, or with another one, is refused.
func TestOtherFormatsAreRefused(t *testing.T) {
	for _, version := range []string{"1", "3", "-1", "NULL"} {
		dir := t.TempDir()
		s := open(t, dir)
		commit(t, s, 1)
		if err := s.conn.Exec(ctx, fmt.Sprintf("UPDATE internal.format SET version = %s", version)); err != nil {
			t.Fatal(err)
		}
		s.Close()
		if s, err := Open(ctx, dir, duck.Options{}); err == nil {
			t.Errorf("opened with version %s", version)
			s.Close()
		} else if !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "backup") {
			t.Errorf("version %s: %v", version, err)
		}
	}
}

// A directory that has lost its file is not begun anew.
func TestMissingFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	commit(t, s, 1)
	killed := copyDir(t, dir)
	s.Close()
	if err := os.WriteFile(filepath.Join(dir, InitMarker), []byte("first.sql\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{killed, dir} {
		for _, lose := range []func(string) error{func(path string) error { return os.Truncate(path, 0) }, os.Remove} {
			if err := lose(filepath.Join(dir, FileName)); err != nil {
				t.Fatal(err)
			}
			if s, err := Open(ctx, dir, duck.Options{}); err == nil {
				t.Error("a directory without its file is opened")
				s.Close()
			} else if !strings.Contains(err.Error(), filepath.Join(dir, FileName)) || !strings.Contains(err.Error(), "backup") {
				t.Error(err)
			}
		}
	}
}
