package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// File decodes records that are the datum of one schema and nothing else. It is
// not safe for concurrent use: every reader has its own.
type File struct {
	path    string
	format  Format
	table   *batch.Schema
	at      []int // nil: as in table
	limits  decode.Limits
	decoder decoder
}

// NewFile returns a decoder by the schema in the file at path, which is not read
// before Fetch, for the columns of table.
func NewFile(path string, format Format, table *batch.Schema, limits decode.Limits) *File {
	return &File{path: path, format: format, table: table, limits: limits}
}

// Into makes the table's columns those of a wider one, at the given indexes, in
// builders for that. It must be called before Fetch.
func (f *File) Into(at []int) { f.at = at }

// Awaits reports whether the file was not read yet.
func (f *File) Awaits(_, _ []byte) bool { return f.decoder == nil }

// Fetch reads the file. A *decode.RefusedError says that records of its schema
// can't be rows of the table.
func (f *File) Fetch(_ context.Context, _, _ []byte) error {
	s, message, err := readSchema(f.path, f.format)
	if err != nil {
		return err
	}
	d, err := s.compile(message, f.table, f.limits)
	if err != nil {
		return fmt.Errorf("schema file %s (%s) does not fit: %w", f.path, s.title(message), err)
	}
	if f.at != nil {
		d.Into(f.at)
	}
	f.decoder = d
	return nil
}

func readSchema(path string, format Format) (s schema, message int, err error) {
	text, err := readText(path)
	if err == nil {
		s, message, err = format.parseFile(path, text)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("schema file %s: %w", path, err)
	}
	return s, message, nil
}

// Decode appends one row, or returns an error of one line and leaves b as it was.
// The file must have been read.
func (f *File) Decode(_, value []byte, b *batch.Builder) error {
	if f.decoder == nil {
		return errors.New("the schema was not read")
	}
	return f.decoder.Decode(value, b)
}

// Close does nothing.
func (f *File) Close() {}

// fileBytesMax is the length of the longest file that is taken for a schema.
const fileBytesMax = 1 << 20

// readText reads a file that may hold a schema.
func readText(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", errors.Unwrap(err)
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("not a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return "", errors.Unwrap(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, fileBytesMax+1))
	if err != nil {
		return "", err
	}
	if len(text) > fileBytesMax {
		return "", fmt.Errorf("longer than %d bytes", fileBytesMax)
	}
	return string(text), nil
}
