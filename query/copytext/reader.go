// Package copytext reads the rows that clients send behind COPY FROM STDIN, in
// PostgreSQL's formats text and csv, into columns of text.
package copytext

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query/parser"
)

// Error is a row that can't be read.
type Error struct {
	Code    string // SQLSTATE
	Message string
	Row     int64 // 1 is the first
}

func (e *Error) Error() string { return e.Message }

// Reader turns the data, which come in pieces, into rows.
type Reader struct {
	format  *parser.CopyFormat
	columns []string
	b       *batch.Builder
	rest    []byte // the beginning of a row whose end has not come
	rows    int64
	header  bool // the first row was the header
	ended   bool // the client said so within the data
}

// NewReader returns a reader for rows of the named columns.
func NewReader(format *parser.CopyFormat, columns []string, mem *batch.Allocator) *Reader {
	schema := []batch.Column{{Name: "n", Type: batch.Type{Kind: batch.BigInt}}}
	for i := range columns {
		schema = append(schema, batch.Column{Name: fmt.Sprint("c", i), Type: batch.Type{Kind: batch.Varchar}})
	}
	return &Reader{format: format, columns: columns, b: batch.NewBuilder(mem, batch.NewSchema(schema))}
}

// Rows returns the builder of the rows so far: their numbers in column n, their
// values in c0, c1, …. It is the reader's until its rows are finished.
func (r *Reader) Rows() *batch.Builder { return r.b }

// Bytes returns the memory in use.
func (r *Reader) Bytes() int64 { return r.b.Bytes() + int64(len(r.rest)) }

// Write takes the next piece of the data, which may end anywhere.
func (r *Reader) Write(p []byte) error {
	if r.ended {
		return nil
	}
	r.rest = append(r.rest, p...)
	return r.take(false)
}

// End reads the last row, which needs no newline.
func (r *Reader) End() error { return r.take(true) }

// take reads the rows that are whole.
func (r *Reader) take(last bool) error {
	at := 0
	for at < len(r.rest) && !r.ended {
		end, next := r.rowEnd(r.rest[at:])
		if end < 0 {
			if !last {
				break
			}
			end, next = len(r.rest)-at, len(r.rest)-at
		}
		if err := r.row(r.rest[at : at+end]); err != nil {
			return err
		}
		at += next
	}
	r.rest = append(r.rest[:0], r.rest[at:]...)
	return nil
}

// rowEnd returns where the first row ends and where the next one begins, or -1.
func (r *Reader) rowEnd(data []byte) (end, next int) {
	if r.format.Kind == "text" {
		at := bytes.IndexByte(data, '\n')
		return withoutReturn(data, at), at + 1
	}
	quoted := false
	for i := 0; i < len(data); i++ {
		switch b := data[i]; {
		case quoted && b == r.format.Escape && b != r.format.Quote:
			i++
		case b == r.format.Quote:
			quoted = !quoted // a doubled one does it twice
		case b == '\n' && !quoted:
			return withoutReturn(data, i), i + 1
		}
	}
	return -1, -1
}

func withoutReturn(data []byte, at int) int {
	if at > 0 && data[at-1] == '\r' {
		return at - 1
	}
	return at
}

func (r *Reader) row(line []byte) error {
	if string(line) == `\.` {
		r.ended = true
		return nil
	}
	if r.format.Header && !r.header {
		r.header = true
		return nil
	}
	r.rows++
	fail := func(code, message string) error { return &Error{Code: code, Message: message, Row: r.rows} }
	r.b.Column(0).AppendInt64(r.rows)
	i := 0
	for more := true; more; i++ {
		if i == len(r.columns) {
			return fail("22P04", "extra data after last expected column")
		}
		var value []byte
		var null bool
		if r.format.Kind == "text" {
			value, line, more, null = r.textValue(line)
		} else if value, line, more, null = r.csvValue(line); value == nil {
			return fail("22P04", "unterminated CSV quoted field")
		}
		switch {
		case null:
			r.b.Column(i + 1).AppendNull()
		case bytes.IndexByte(value, 0) >= 0 || !utf8.Valid(value):
			return fail("22021", "invalid byte sequence for encoding \"UTF8\"")
		default:
			r.b.Column(i + 1).AppendBytes(value)
		}
	}
	if i < len(r.columns) {
		return fail("22P04", fmt.Sprintf("missing data for column %q", r.columns[i]))
	}
	return nil
}
