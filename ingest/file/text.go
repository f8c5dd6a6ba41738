package file

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/millstream-db/millstream/ingest/decode"
	"github.com/millstream-db/millstream/ingest/records"
)

// text reads a file of lines.
type text struct {
	r      *reader
	f      *file
	csv    bool // else NDJSON
	packed bool // by gzip

	lines   *records.Lines
	decode  records.Decode
	collect *records.Collector
}

// read reads from where the file's next record begins.
func (t *text) read(ctx context.Context, in *os.File) error {
	if err := t.open(in); err != nil {
		return err
	}
	t.collect = records.NewCollector(t.r.spec.Alloc, t.r.spec.Schema)
	defer t.collect.Release()
	for {
		err := t.fill()
		done := errors.Is(err, io.EOF)
		if err != nil && !done {
			return err
		}
		if err := unchanged(t.f); err != nil { // the lines may be others than those before
			return err
		}
		end := int64(-1)
		if done {
			end = t.f.next + int64(t.collect.Records())
		}
		if err := t.r.deliver(ctx, t.f, t.collect.Finish(time.Now()), t.lines.At(), end); err != nil || done {
			return err
		}
	}
}

// fill collects records until there are enough for a batch. At the end of the file
// it returns io.EOF.
func (t *text) fill() error {
	for !t.collect.Full(t.r.opts.MaxBatchRows, t.r.opts.MaxBatchBytes) {
		record, err := t.lines.Next()
		var long *records.LongError
		switch {
		case errors.As(err, &long):
			t.collect.Reject(record, err.Error())
		case err != nil:
			return err
		case blank(record):
		default:
			t.collect.Add(record, t.decode)
		}
	}
	return nil
}

// blank reports whether a line has nothing in it: it is no record.
func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

// open makes the cutter and the decoder of the file's records.
func (t *text) open(in *os.File) error {
	spec, s := &t.r.spec, &t.r.settings
	limits := decode.Limits{MaxBytes: spec.MaxRecordBytes, MaxDepth: spec.MaxDepth, MaxFields: spec.MaxFields}.WithDefaults()
	lines := records.LinesOptions{Most: limits.MaxBytes, Begin: t.f.At}
	if !t.csv {
		t.decode = decode.NewJSON(spec.Schema, limits).Decode
	} else {
		lines.Quote, lines.Delimiter = s.csv.Quote, s.csv.Delimiter
	}
	if err := decode.CheckTexts(spec.Schema); t.csv && err != nil { // whose name says that it is a CSV
		return err
	}
	if t.csv && !s.header {
		t.decode = decode.NewCSV(spec.Schema, s.csv, limits).Decode
	}
	if t.csv && s.header {
		begin, err := t.from(in, 0)
		if err != nil {
			return err
		}
		table, err := records.OpenCSV(begin, spec.Schema, s.csv, limits)
		if errors.Is(err, io.EOF) {
			return errors.New("it is empty: the first line must name the columns")
		}
		if err != nil {
			return err
		}
		t.decode = table.Decode
		lines.Begin = max(lines.Begin, table.Lines().At())
	}
	begin, err := t.from(in, lines.Begin)
	if err != nil {
		return err
	}
	t.lines = records.NewLines(begin, lines)
	return nil
}

// from returns what follows so many bytes of the file, unpacked.
func (t *text) from(in *os.File, at int64) (io.Reader, error) {
	if !t.packed {
		_, err := in.Seek(at, io.SeekStart)
		return in, err
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, z, at); err != nil {
		return nil, fmt.Errorf("it has fewer bytes than were read: %w", err)
	}
	return z, nil
}
