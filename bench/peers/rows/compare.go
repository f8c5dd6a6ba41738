package rows

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// ErrWrong is returned when a system's rows are not those expected.
var ErrWrong = errors.New("the rows are wrong")

// columns are those of a line: the start of the window in seconds since 1970,
// the key, count, sum, least and greatest amount.
const columns = 6

// Compare reads all files below dir whose names end in .csv and compares their
// lines with the right rows. A system that writes a row whenever it changes may
// have several of a group: the one with the greatest count is its last. The
// error wraps ErrWrong when rows are missing, too many or different.
func (e *Expected) Compare(dir string) error {
	found := make([][]group, len(e.rows))
	for w := range found {
		found[w] = make([]group, len(e.list))
	}
	files, err := csvFiles(dir)
	if err != nil {
		return err
	}
	for _, path := range files {
		if err := e.read(path, found); err != nil {
			return err
		}
	}
	return e.differences(found)
}

// read adds a file's rows to those found.
func (e *Expected) read(path string, found [][]group) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("rows: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if err := e.readLine(lines.Bytes(), found); err != nil {
			return fmt.Errorf("%w: %s, line %d: %w", ErrWrong, filepath.Base(path), n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("rows: %w", err)
	}
	return nil
}

func (e *Expected) readLine(line []byte, found [][]group) error {
	fields := bytes.Split(line, []byte(","))
	if len(fields) != columns {
		return fmt.Errorf("%q has %d columns, want %d", line, len(fields), columns)
	}
	key, known := e.names[string(bytes.Trim(fields[1], `"`))]
	if !known {
		return fmt.Errorf("there is no %s %s", e.key, fields[1])
	}
	var numbers [columns]int64
	for i, text := range fields {
		if i == 1 {
			continue
		}
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		numbers[i] = n
	}
	since := time.Unix(numbers[0], 0).Sub(e.first)
	if since < 0 || since%Window != 0 || int(since/Window) >= len(found) {
		return fmt.Errorf("there is no window that starts at %d", numbers[0])
	}
	g := &found[since/Window][key]
	if numbers[2] >= g.count {
		*g = group{numbers[2], numbers[3], numbers[4], numbers[5]}
	}
	return nil
}

// differences compares the rows found with the right ones.
func (e *Expected) differences(found [][]group) error {
	different, first := 0, ""
	for w := range e.rows {
		for key, want := range e.rows[w] {
			got := found[w][key]
			if got == want {
				continue
			}
			if different++; different == 1 {
				first = fmt.Sprintf("%s of %s is %+v, want %+v", e.list[key], e.first.Add(time.Duration(w)*Window).UTC().Format(time.RFC3339), got, want)
			}
		}
	}
	if different > 0 {
		return fmt.Errorf("%w: %d of %d differ, the first: %s", ErrWrong, different, e.count, first)
	}
	return nil
}
