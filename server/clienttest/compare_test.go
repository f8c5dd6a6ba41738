package clienttest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDifferences compares two outputs and reads what it has written.
func TestDifferences(t *testing.T) {
	want := parts("== a\none\ntwo\nthree\n== b\nsame\n== gone\nx\n")
	got := parts("== a\none\n2\nthree\nfour\n== b\nsame\n== new\ny\n")
	found := differences(want, got)
	if diff := cmp.Diff([]difference{
		{part: "a", lines: []string{"-two", "+2", "+four"}},
		{part: "gone", lines: []string{"-x"}},
		{part: "new", lines: []string{"+(only here)", "+y"}},
	}, found, cmp.AllowUnexported(difference{})); diff != "" {
		t.Fatal(diff)
	}
	long := strings.TrimSpace(strings.Repeat("because of this ", 20))
	found[0].reason, found[1].reason, found[2].reason = long, long, "another"
	path := t.TempDir() + "/differences"
	writeFile(t, path, writeDifferences(found))
	read, err := readDifferences(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(found, read, cmp.AllowUnexported(difference{})); diff != "" {
		t.Error(diff)
	}
}
