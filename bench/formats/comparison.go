package main

import (
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// compare decodes the records of all formats and returns an error if they are not
// the same rows, or if a library reads other names than a decoder.
func compare(all []*format, schema *batch.Schema) error {
	var want [][]string
	for _, f := range all {
		rows, err := f.rows(schema)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if want == nil {
			want = rows
		}
		for i, row := range rows {
			values, err := f.generic(f.records[i])
			if err != nil {
				return fmt.Errorf("record %d of %s by the library: %w", i, f.name, err)
			}
			for at, text := range row {
				if text != want[i][at] {
					return fmt.Errorf("%s of record %d is %s in %s, and %s in %s", fields[at], i, text, f.name, want[i][at], all[0].name)
				}
				// Texts look alike however they were read; other types do not.
				if got, ok := values[at].(string); ok && schema.Columns[at].Type.Kind == batch.Varchar && got != text {
					return fmt.Errorf("%s of record %d of %s is %s by the library, and %s", fields[at], i, f.name, got, text)
				}
			}
		}
	}
	return nil
}

// rows returns the values of all records as texts.
func (f *format) rows(schema *batch.Schema) ([][]string, error) {
	b := batch.NewBuilder(batch.NewAllocator(), schema)
	defer b.Release()
	for i, record := range f.records {
		if err := f.decoder.Decode(record, b); err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
	}
	rec := b.Finish()
	defer rec.Release()
	rows := make([][]string, rec.NumRows())
	for i := range rows {
		for _, column := range rec.Columns() {
			rows[i] = append(rows[i], strings.Clone(column.ValueStr(i))) // it lies in the batch
		}
	}
	return rows, nil
}
