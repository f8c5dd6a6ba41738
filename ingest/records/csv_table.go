package records

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// CSVTable is a CSV whose first line names the columns, in any order and letter
// case. Columns of the schema without a name there are NULL.
type CSVTable struct {
	lines *Lines
	csv   *decode.CSV
}

// OpenCSV reads the first line. It returns io.EOF if there is none.
func OpenCSV(in io.Reader, schema *batch.Schema, o decode.CSVOptions, limits decode.Limits) (*CSVTable, error) {
	if err := decode.CheckTexts(schema); err != nil {
		return nil, err
	}
	limits = limits.WithDefaults()
	if o.Delimiter == 0 {
		o.Delimiter = ','
	}
	t := &CSVTable{lines: NewLines(in, LinesOptions{Most: limits.MaxBytes, Quote: o.Quote, Delimiter: o.Delimiter})}
	line, err := t.lines.Next()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, err
		}
		return nil, fmt.Errorf("the line of names: %w", err)
	}
	t.csv, err = NamedCSV(line, schema, o, limits)
	return t, err
}

// NamedCSV returns a decoder of lines whose columns are named by another one.
func NamedCSV(line []byte, schema *batch.Schema, o decode.CSVOptions, limits decode.Limits) (*decode.CSV, error) {
	names, err := decode.CSVHeader(line, o)
	if err != nil {
		return nil, fmt.Errorf("the line of names: %w", err)
	}
	at := make([]int, len(names))
	taken := make([]bool, len(schema.Columns))
	for i, name := range names {
		name = strings.TrimSpace(name)
		switch at[i] = schema.Index(name); {
		case at[i] < 0:
			return nil, fmt.Errorf("the first line names column %q, which the source does not have", name)
		case taken[at[i]]:
			return nil, fmt.Errorf("the first line names column %q twice", name)
		}
		taken[at[i]] = true
	}
	return decode.NewCSVOf(schema, at, o, limits), nil
}

// Lines returns what cuts the records, of which the first line was one.
func (t *CSVTable) Lines() *Lines { return t.lines }

// Decode decodes a record.
func (t *CSVTable) Decode(record []byte, b *batch.Builder) error { return t.csv.Decode(record, b) }
