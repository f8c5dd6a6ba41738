package clienttest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// difference is one part of a client's output that Millstream answers otherwise.
type difference struct {
	reason string
	part   string
	lines  []string // with - or + before each
}

// compare holds the parts that a client printed on Millstream against those of
// PostgreSQL, and what differs against what is listed.
func compare(t *testing.T, client string, want, got []part) {
	t.Helper()
	path := filepath.Join("testdata", client, "differences")
	listed, err := readDifferences(path)
	if err != nil {
		t.Fatal(err)
	}
	found := differences(want, got)
	byPart := map[string]difference{}
	for _, d := range listed {
		byPart[d.part] = d
	}
	if *rewrite {
		for i := range found {
			found[i].reason = byPart[found[i].part].reason
		}
		if err := os.WriteFile(path, []byte(writeDifferences(found)), 0o644); err != nil {
			t.Fatal(err)
		}
		clear(byPart)
		for _, d := range found {
			byPart[d.part] = d
		}
	}
	for _, d := range found {
		l, ok := byPart[d.part]
		delete(byPart, d.part)
		switch {
		case !ok:
			t.Errorf("%s differs (- PostgreSQL, + Millstream):\n%s", d.part, strings.Join(d.lines, "\n"))
		case !slices.Equal(d.lines, l.lines):
			t.Errorf("%s differs (- PostgreSQL, + Millstream):\n%s\nlisted in %s:\n%s", d.part, strings.Join(d.lines, "\n"), path, strings.Join(l.lines, "\n"))
		case l.reason == "":
			t.Errorf("%s: no reason is given for %s", path, d.part)
		}
	}
	for name := range byPart {
		t.Errorf("%s: %s does not differ any more", path, name)
	}
	t.Logf("%s: %d of %d parts as PostgreSQL has them, %d listed differences", client, len(want)-len(found), len(want), len(listed))
}

// differences compares parts by name.
func differences(want, got []part) []difference {
	var out []difference
	answers := map[string][]string{}
	for _, p := range got {
		answers[p.name] = p.lines
	}
	for _, p := range want {
		if lines := diff(p.lines, answers[p.name]); lines != nil {
			out = append(out, difference{part: p.name, lines: lines})
		}
		delete(answers, p.name)
	}
	for _, p := range got {
		if lines, ok := answers[p.name]; ok {
			out = append(out, difference{part: p.name, lines: diff(nil, append([]string{"(only here)"}, lines...))})
		}
	}
	return out
}

// diff returns the lines that a shortest edit takes away and puts in.
func diff(a, b []string) []string {
	common := make([][]int, len(a)+1) // common[i][j]: lines that a[i:] and b[j:] have in common
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []string
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common[i+1][j] >= common[i][j+1]):
			out = append(out, strings.TrimRight("-"+a[i], " "))
			i++
		default:
			out = append(out, strings.TrimRight("+"+b[j], " "))
			j++
		}
	}
	return out
}

// readDifferences reads the format that the package comment describes.
func readDifferences(path string) ([]difference, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []difference
	reason, open := "", false // open: the lines of a reason are being read
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"):
			if !open {
				reason = ""
			}
			reason, open = strings.TrimSpace(reason+" "+strings.TrimSpace(line[1:])), true
		case strings.HasPrefix(line, "== "):
			out = append(out, difference{reason: reason, part: line[3:]})
			open = false
		case line != "" && len(out) > 0:
			last := &out[len(out)-1]
			last.lines = append(last.lines, line)
		}
	}
	return out, nil
}

func writeDifferences(all []difference) string {
	var b strings.Builder
	for i, d := range all {
		if i == 0 || d.reason != all[i-1].reason {
			if i > 0 {
				b.WriteString("\n")
			}
			b.WriteString(wrapComment(d.reason))
		}
		b.WriteString("== " + d.part + "\n" + strings.Join(d.lines, "\n") + "\n")
	}
	return b.String()
}

// wrapComment writes a reason as comment lines of a readable width.
func wrapComment(reason string) string {
	var b strings.Builder
	width := 0
	b.WriteString("#")
	for _, word := range strings.Fields(reason) {
		if width > 0 && width+len(word) > 100 {
			b.WriteString("\n#")
			width = 0
		}
		b.WriteString(" " + word)
		width += len(word) + 1
	}
	return b.String() + "\n"
}
