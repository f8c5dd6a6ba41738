package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
	"github.com/millstream-db/millstream/ingest/records"
)

// csvTable decodes records that are small CSV files: a line that names columns, in any
// order, and a row on each line behind it. It is not safe for concurrent use.
type csvTable struct {
	schema *batch.Schema
	opts   decode.CSVOptions
	limits decode.Limits
	lines  *records.Lines
	names  []byte      // the last line of names
	csv    *decode.CSV // and its decoder
}

func newCSVTable(spec source.Spec, o decode.CSVOptions) *csvTable {
	limits := limitsOf(spec).WithDefaults()
	return &csvTable{
		schema: spec.Schema, opts: o, limits: limits,
		lines: records.NewLines(nil, records.LinesOptions{Most: limits.MaxBytes, Quote: o.Quote, Delimiter: o.Delimiter}),
	}
}

// open reads a record's line of names.
func (t *csvTable) open(value []byte) error {
	switch {
	case value == nil:
		return errNoValue
	case len(value) > t.limits.MaxBytes:
		return fmt.Errorf("record of %d bytes exceeds the limit of %d", len(value), t.limits.MaxBytes)
	}
	t.lines.Reset(bytes.NewReader(value))
	names, err := t.lines.Next()
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the record is empty: its first line must name the columns")
	case err != nil:
		return err
	case t.csv != nil && bytes.Equal(names, t.names):
		return nil
	}
	t.csv, err = records.NamedCSV(names, t.schema, t.opts, t.limits)
	t.names = append(t.names[:0], names...)
	if err != nil {
		t.csv = nil
	}
	return err
}

// next returns the next line that has values, nil at the end.
func (t *csvTable) next() []byte {
	for {
		// The record is in memory, and no longer than a line may be.
		line, err := t.lines.Next()
		if err != nil {
			return nil
		}
		if len(bytes.TrimRight(line, "\r\n")) > 0 {
			return line
		}
	}
}

// tableBytesMax is how much memory the rows of one record may take.
const tableBytesMax = 256 << 20

// addTable decodes a record that is a table. Its lines become rows or are rejected,
// each by itself, and all of them have its offset.
func (t *batcher) addTable(r *kgo.Record) {
	if err := t.table.open(r.Value); err != nil {
		t.reject(r, err.Error())
		return
	}
	rows, rejected, kept, before := t.rows, len(t.rejected), t.kept, t.builder.Bytes()
	found := false
	for line := t.table.next(); line != nil; line = t.table.next() {
		found = true
		err := t.table.csv.Decode(line, t.builder)
		if err == nil {
			err = t.include(r, false)
		}
		if err == nil {
			t.complete(r, false)
		} else {
			of := *r
			of.Value = bytes.TrimRight(line, "\r\n")
			t.reject(&of, err.Error())
		}
		if t.builder.Bytes()-before+t.kept-kept > tableBytesMax {
			t.builder.Truncate(rows)
			t.ranges[len(t.ranges)-1].Rows -= t.rows - rows
			t.rows, t.rejected, t.kept = rows, t.rejected[:rejected], kept
			t.reject(r, fmt.Sprintf("its rows, with the record's key and headers beside each, take more than %d MiB", tableBytesMax>>20))
			return
		}
	}
	if !found {
		t.reject(r, "there is no line of values behind the line of names")
	}
}
