package disk

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const root = "/r"

// Calls of files below root, whose numbers are those of their names.
func create(n uint32, name string) Call {
	return Call{Kind: Open, File: n, Path: root + "/" + name, Made: true}
}
func put(n uint32, at int64, text string) Call {
	return Call{Kind: Write, File: n, Offset: at, Length: int64(len(text)), Bytes: []byte(text)}
}
func sync(n uint32) Call            { return Call{Kind: Sync, File: n} }
func cutTo(n uint32, to int64) Call { return Call{Kind: Truncate, File: n, Length: to} }
func rename(from, to string) Call {
	return Call{Kind: Rename, Path: root + "/" + from, Second: root + "/" + to}
}
func remove(name string) Call { return Call{Kind: Remove, Path: root + "/" + name} }
func failed(c Call) Call      { c.Error = syscall.EIO; return c }

// after returns the files that are there after calls and a power cut, as "name=text name=text".
func after(t *testing.T, keep float64, random *rand.Rand, calls ...Call) string {
	t.Helper()
	i, err := Load(root + "-that-is-not-there")
	if err != nil {
		t.Fatal(err)
	}
	i.root = root
	for _, c := range calls {
		if err := i.Apply(c); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := i.PowerCut(dir, keep, random); err != nil {
		t.Fatal(err)
	}
	var files []string
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files = append(files, entry.Name()+"="+string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(files, " ")
}

// What is durable is there after a power cut, and after one that takes everything else nothing else is.
func TestDurableOrNot(t *testing.T) {
	t.Parallel()
	page := strings.Repeat("p", sector)
	for name, c := range map[string]struct {
		calls     []Call
		none, all string // of what is not durable is there
	}{
		"nothing":                       {nil, "", ""},
		"a file without an fsync":       {[]Call{create(1, "a"), put(1, 0, "x")}, "", "a=x"},
		"one with":                      {[]Call{create(1, "a"), put(1, 0, "x"), sync(1), put(1, 1, "y")}, "a=x", "a=xy"},
		"an overwrite":                  {[]Call{create(1, "a"), put(1, 0, "xyz"), sync(1), put(1, 1, "Y")}, "a=xyz", "a=xYz"},
		"a size":                        {[]Call{create(1, "a"), put(1, 0, "xyz"), sync(1), cutTo(1, 1)}, "a=xyz", "a=x"},
		"a size, durable":               {[]Call{create(1, "a"), put(1, 0, "xyz"), cutTo(1, 1), sync(1)}, "a=x", "a=x"},
		"a new name":                    {[]Call{create(1, "a"), put(1, 0, "x"), sync(1), rename("a", "b")}, "a=x", "b=x"},
		"a name made durable by others": {[]Call{create(1, "a"), put(1, 0, "x"), sync(1), rename("a", "b"), create(2, "c"), sync(2)}, "b=x c=", "b=x c="},
		"a removal":                     {[]Call{create(1, "a"), sync(1), remove("a")}, "a=", ""},
		"a name whose bytes are not":    {[]Call{create(1, "a"), put(1, 0, "x"), create(2, "b"), sync(2)}, "a= b=", "a=x b="},
		"a call that failed":            {[]Call{create(1, "a"), sync(1), failed(remove("a")), failed(rename("a", "b"))}, "a=", "a="},
		"half a write":                  {[]Call{create(1, "a"), failed(put(1, 0, "x")), sync(1)}, "a=x", "a=x"},
		// The pages of a failed fsync are clean, though they are not on the disk: another one does not help, but to
		// write them again does.
		"a failed fsync":              {[]Call{create(1, "a"), sync(1), put(1, 0, "x"), failed(sync(1)), sync(1)}, "a=", "a="},
		"the page is written again":   {[]Call{create(1, "a"), sync(1), put(1, 0, "x"), failed(sync(1)), put(1, 1, "y"), sync(1)}, "a=xy", "a=xy"},
		"another page is":             {[]Call{create(1, "a"), put(1, 0, page), sync(1), put(1, 0, "x"), failed(sync(1)), put(1, sector, "y"), sync(1)}, "a=" + page + "y", "a=" + page + "y"},
		"it is seen that it was lost": {[]Call{create(1, "a"), sync(1), put(1, 0, "x"), failed(sync(1)), {Kind: Forget, Path: root + "/a"}, put(1, 0, "z"), sync(1)}, "a=z", "a=z"},
		"a file that was there":       {[]Call{{Kind: Found, Path: root + "/a", Bytes: []byte("x")}, {Kind: Open, File: 1, Path: root + "/a"}, put(1, 1, "y")}, "a=x", "a=xy"},
		"a hole":                      {[]Call{create(1, "a"), put(1, 0, "xyz"), sync(1), {Kind: Punch, File: 1, Offset: 1, Length: 1}}, "a=xyz", "a=x\x00z"},
	} {
		if got := after(t, 0, nil, c.calls...); got != c.none {
			t.Errorf("%s: %.40q is there for sure, want %.40q", name, got, c.none)
		}
		if got := after(t, 1, nil, c.calls...); got != c.all {
			t.Errorf("%s: %.40q was written, want %.40q", name, got, c.all)
		}
	}
}

// Of what was appended the beginning is there, and behind it nothing or zeros; of what was
// overwritten any sectors are.
func TestPartsOfWrites(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	pages := strings.Repeat("a", sector) + strings.Repeat("b", sector) + strings.Repeat("c", sector)
	seen := map[string]bool{}
	summary := func(text string) string {
		var s []byte
		for i := 0; i < len(text); i += sector {
			s = append(s, text[i])
		}
		return string(bytes.ReplaceAll(s, []byte{0}, []byte{'0'}))
	}
	for range 400 {
		seen["appended "+summary(strings.TrimPrefix(after(t, 0.5, random, create(1, "f"), sync(1), put(1, 0, pages)), "f="))] = true
		seen["written "+summary(strings.TrimPrefix(after(t, 0.5, random, create(1, "f"), put(1, 0, strings.ToUpper(pages)), sync(1), put(1, 0, pages)), "f="))] = true
	}
	for _, want := range []string{"", "000", "a", "a00", "ab", "ab0", "abc"} {
		if !seen["appended "+want] {
			t.Errorf("never is %q there of what was appended", want)
		}
		delete(seen, "appended "+want)
	}
	for n := range 8 {
		want := []byte("ABC")
		for i := range want {
			if n&(1<<i) != 0 {
				want[i] += 'a' - 'A'
			}
		}
		if !seen["written "+string(want)] {
			t.Errorf("never is %s there of what was overwritten", want)
		}
		delete(seen, "written "+string(want))
	}
	if len(seen) > 0 {
		t.Errorf("there is what can't be: %v", seen)
	}
}

// A journal whose end was being written when the process died has all calls before that.
func TestReadJournal(t *testing.T) {
	t.Parallel()
	if list, err := parseJournal(nil); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := parseJournal(make([]byte, 100)); err == nil {
		t.Error("a journal of zeros was read")
	}
	for _, k := range []Kind{Open, Forget, Forget + 1} {
		if got := fmt.Sprint(k); got == "" {
			t.Errorf("the kind %d has no name", uint32(k))
		}
	}
}
