package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/avro"
	"github.com/millstream-db/millstream/ingest/decode"
)

// File decodes records that are the datum of one schema and nothing else. It is
// not safe for concurrent use: every reader has its own.
type File struct {
	path    string
	table   *batch.Schema
	limits  decode.Limits
	decoder *avro.Decoder
}

// NewFile returns a decoder by the schema in the file at path, which is not read
// before Fetch, for the columns of table.
func NewFile(path string, table *batch.Schema, limits decode.Limits) *File {
	return &File{path: path, table: table, limits: limits}
}

// Awaits reports whether the file was not read yet. Its schema has no id.
func (f *File) Awaits([]byte) (id uint32, waits bool) { return 0, f.decoder == nil }

// Fetch reads the file. An *decode.RefusedError says that records of its schema
// can't be rows of the table.
func (f *File) Fetch(context.Context, uint32) error {
	schema, err := readSchema(f.path)
	if err != nil {
		return fmt.Errorf("schema file %s: %w", f.path, err)
	}
	if f.decoder, err = avro.Compile(schema, f.table, f.limits); err != nil {
		return fmt.Errorf("schema file %s (%s) does not fit: %w", f.path, schema, err)
	}
	return nil
}

// Decode appends one row, under the promises of avro.Decoder. The file must have
// been read.
func (f *File) Decode(value []byte, b *batch.Builder) error {
	if f.decoder == nil {
		return errors.New("the schema was not read")
	}
	return f.decoder.Decode(value, b)
}

// Close does nothing.
func (f *File) Close() {}

// fileBytesMax is the length of the longest file that is taken for a schema.
const fileBytesMax = 1 << 20

// readSchema reads a schema from a file. Of a file that is none, which may be one
// that its reader should not see, the error quotes nothing.
func readSchema(path string) (*avro.Schema, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, fileBytesMax+1))
	if err != nil {
		return nil, err
	}
	if len(text) > fileBytesMax {
		return nil, fmt.Errorf("longer than %d bytes", fileBytesMax)
	}
	var record struct {
		Type   string
		Fields []json.RawMessage
	}
	if json.Unmarshal(text, &record) != nil || record.Type != "record" || record.Fields == nil {
		return nil, errors.New("it is not the JSON of an Avro record's schema")
	}
	return avro.ParseSchema(string(text))
}
