package pgwire

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/query/parser"
)

// copyEncoder turns the rows of record batches into CopyData messages, one a
// row, as clients expect it.
type copyEncoder struct {
	rows    *rowEncoder
	format  *parser.CopyFormat
	quoted  []bool // by column: csv always quotes it
	special [256]bool
	header  string // of the binary format, until it has been sent
	value   []byte // scratch
}

// The first bytes of the binary format, with no flags and no extension; and its
// last.
const (
	binaryCopyHeader  = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	binaryCopyTrailer = "\xff\xff"
)

func newCopyEncoder(result *query.Result, zone *time.Location) *copyEncoder {
	f := result.Copy
	formats := make([]int16, len(result.Columns))
	header := ""
	if f.Kind == "binary" {
		header = binaryCopyHeader
		for i := range formats {
			formats[i] = binaryFormat
		}
	}
	e := &copyEncoder{
		rows: newRowEncoder(result.Columns, columnTypes(result.Columns), formats, zone), format: f,
		quoted: make([]bool, len(result.Columns)), header: header,
	}
	for i, c := range result.Columns {
		e.quoted[i] = f.QuoteAll
		for _, q := range f.ForceQuote {
			e.quoted[i] = e.quoted[i] || strings.EqualFold(q.Name, c.Name)
		}
	}
	for _, c := range []byte{'\n', '\r', f.Delimiter} {
		e.special[c] = true
	}
	if f.Kind == "csv" {
		e.special[f.Quote] = true
	} else {
		for _, c := range "\\\b\f\t\v" {
			e.special[c] = true
		}
	}
	return e
}

// begin sends what stands before the rows.
func (e *copyEncoder) begin(out *writer) {
	response := &pgproto3.CopyOutResponse{ColumnFormatCodes: make([]uint16, len(e.quoted))}
	if e.format.Kind == "binary" {
		response.OverallFormat = 1
		for i := range response.ColumnFormatCodes {
			response.ColumnFormatCodes[i] = 1
		}
	}
	out.send(response)
	if e.format.Header {
		var line []byte
		for i, name := range e.rows.names {
			if i > 0 {
				line = append(line, e.format.Delimiter)
			}
			line = e.appendText(line, []byte(columnName(name)), false)
		}
		out.send(&pgproto3.CopyData{Data: append(line, '\n')})
	}
}

// end sends what stands behind the rows.
func (e *copyEncoder) end(out *writer) {
	if e.format.Kind == "binary" {
		out.send(&pgproto3.CopyData{Data: []byte(e.header + binaryCopyTrailer)})
	}
	out.send(&pgproto3.CopyDone{})
}

func (e *copyEncoder) bind(batch arrow.RecordBatch) error { return e.rows.bind(batch) }

// append appends one row as a CopyData message.
func (e *copyEncoder) append(dst []byte, row int) ([]byte, error) {
	start := len(dst)
	if e.format.Kind == "binary" { // a tuple is what a DataRow has in it
		dst, err := e.rows.append(dst, row)
		if err == nil {
			dst[start] = 'd'
			dst = e.insertHeader(dst, start)
		}
		return dst, err
	}
	dst = append(dst, 'd', 0, 0, 0, 0)
	for i, appendValue := range e.rows.appenders {
		if i > 0 {
			dst = append(dst, e.format.Delimiter)
		}
		if array := e.rows.nullable[i]; array != nil && isNull(array, row) {
			dst = append(dst, e.format.Null...)
			continue
		}
		e.value = appendValue(e.value[:0], row)
		dst = e.appendText(dst, e.value, e.quoted[i])
		if len(dst)-start > maxRowBytes {
			e.rows.err = query.Errorf(query.CodeProgramLimit, "a row is larger than 1 GiB")
		}
		if err := e.rows.err; err != nil {
			e.rows.err = nil
			return dst[:start], err
		}
	}
	dst = append(dst, '\n')
	binary.BigEndian.PutUint32(dst[start+1:], uint32(len(dst)-start-1))
	return dst, nil
}

// insertHeader puts the header before the first row, into the same message, as
// PostgreSQL does: ADBC reads the first row behind the header before it asks
// for the next message.
func (e *copyEncoder) insertHeader(dst []byte, start int) []byte {
	if e.header == "" {
		return dst
	}
	const head = 5 // of a message: its type and length
	dst = slices.Insert(dst, start+head, []byte(e.header)...)
	binary.BigEndian.PutUint32(dst[start+1:], uint32(len(dst)-start-1))
	e.header = ""
	return dst
}

// appendText appends a value as the format has it.
func (e *copyEncoder) appendText(dst, value []byte, quoted bool) []byte {
	if e.format.Kind == "csv" {
		return e.appendCSV(dst, value, quoted)
	}
	for _, c := range value {
		if !e.special[c] {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '\\')
		if letter, ok := copyEscapes[c]; ok {
			c = letter
		}
		dst = append(dst, c)
	}
	return dst
}

// copyEscapes are the letters of the text format for control characters.
var copyEscapes = map[byte]byte{'\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v'}

// appendCSV puts quotes where they are needed: around what would be taken for
// something else, NULL and the end of the data included.
func (e *copyEncoder) appendCSV(dst, value []byte, quoted bool) []byte {
	f := e.format
	quoted = quoted || string(value) == f.Null || len(e.quoted) == 1 && string(value) == `\.`
	for _, c := range value {
		quoted = quoted || e.special[c]
	}
	if !quoted {
		return append(dst, value...)
	}
	dst = append(dst, f.Quote)
	for _, c := range value {
		if c == f.Quote || c == f.Escape {
			dst = append(dst, f.Escape)
		}
		dst = append(dst, c)
	}
	return append(dst, f.Quote)
}
