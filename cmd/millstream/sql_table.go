package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// widthRows is how many rows decide how wide the columns are. Results can be
// larger than memory; wider values further down are shown whole, out of line.
const widthRows = 1000

type tableColumn struct {
	name  string
	right bool // numbers stand on the right
}

// table prints rows in columns, or with expanded as name and value pairs.
type table struct {
	w        *bufio.Writer
	columns  []tableColumn
	expanded bool
	widths   []int
	held     [][]string // the first rows, until the widths are known
	open     bool       // the widths are fixed and the header is printed
	rows     int
}

func newTable(w io.Writer, columns []tableColumn, expanded bool) *table {
	t := &table{w: bufio.NewWriter(w), columns: columns, expanded: expanded, widths: make([]int, len(columns))}
	for i, c := range columns {
		t.columns[i].name = printable(c.name)
		t.widths[i] = displayWidth(t.columns[i].name)
	}
	return t
}

// row takes the next row, which it keeps.
func (t *table) row(cells []string) error {
	t.rows++
	if t.expanded {
		return t.expandedRow(cells)
	}
	if t.open {
		return t.line(cells)
	}
	t.held = append(t.held, cells)
	for i, c := range cells {
		t.widths[i] = max(t.widths[i], displayWidth(c))
	}
	if len(t.held) >= widthRows {
		return t.begin()
	}
	return nil
}

// begin prints the header and the rows that were held.
func (t *table) begin() error {
	t.open = true
	for i, c := range t.columns {
		if i > 0 {
			t.w.WriteByte('|')
		}
		space := t.widths[i] - displayWidth(c.name)
		fmt.Fprintf(t.w, " %s%s%s ", strings.Repeat(" ", space/2), c.name, strings.Repeat(" ", space-space/2))
	}
	t.w.WriteByte('\n')
	for i, width := range t.widths {
		if i > 0 {
			t.w.WriteByte('+')
		}
		t.w.WriteString(strings.Repeat("-", width+2))
	}
	t.w.WriteByte('\n')
	for _, cells := range t.held {
		if err := t.line(cells); err != nil {
			return err
		}
	}
	t.held = nil
	return t.w.Flush()
}

func (t *table) line(cells []string) error {
	for i, c := range cells {
		if i > 0 {
			t.w.WriteByte('|')
		}
		space := strings.Repeat(" ", max(0, t.widths[i]-displayWidth(c)))
		t.w.WriteByte(' ')
		if t.columns[i].right {
			t.w.WriteString(space)
		}
		t.w.WriteString(c)
		if last := i == len(cells)-1; !t.columns[i].right && !last {
			t.w.WriteString(space)
		}
		if i < len(cells)-1 {
			t.w.WriteByte(' ')
		}
	}
	return t.w.WriteByte('\n')
}

func (t *table) expandedRow(cells []string) error {
	name := 0
	for _, w := range t.widths {
		name = max(name, w)
	}
	fmt.Fprintf(t.w, "-[ RECORD %d ]-\n", t.rows)
	for i, c := range cells {
		fmt.Fprintf(t.w, "%s%s | %s\n", t.columns[i].name, strings.Repeat(" ", name-t.widths[i]), c)
	}
	return t.w.Flush()
}

// flush prints what there is.
func (t *table) flush() error {
	if !t.open && !t.expanded && t.rows > 0 {
		return t.begin()
	}
	return t.w.Flush()
}

// end prints the rest and how many rows there were.
func (t *table) end() error {
	if !t.open && !t.expanded {
		if err := t.begin(); err != nil {
			return err
		}
	}
	plural := "s"
	if t.rows == 1 {
		plural = ""
	}
	fmt.Fprintf(t.w, "(%d row%s)\n\n", t.rows, plural)
	return t.w.Flush()
}

// displayWidth returns the columns that s takes on a terminal, near enough:
// marks take none, East Asian scripts and emoji two.
func displayWidth(s string) int {
	width := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana), r >= 0xff01 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff:
			width += 2
		default:
			width++
		}
	}
	return width
}
