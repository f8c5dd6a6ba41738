package httpapi

import (
	"mime"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query"
)

// The media types that are served.
const (
	jsonType   = "application/json"
	ndjsonType = "application/x-ndjson"
	csvType    = "text/csv"
	arrowType  = "application/vnd.apache.arrow.stream"

	formatNames = jsonType + ", " + ndjsonType + ", " + csvType + ", " + arrowType
)

// negotiate picks the format for an Accept header: of the types served, the
// one with the highest q, the first of several.
func negotiate(accept []string) (func() format, bool) {
	if len(accept) == 0 {
		return newJSON, true
	}
	var best func() format
	bestQ := 0.0
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		name, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if v, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(v, 64); err != nil {
				continue
			}
		}
		var f func() format
		switch name {
		case jsonType, "*/*", "application/*":
			f = newJSON
		case ndjsonType, "application/ndjson", "application/jsonl":
			f = newNDJSON
		case csvType, "text/*":
			f = newCSV
		case arrowType:
			f = newArrow
		}
		if f != nil && q > bestQ {
			best, bestQ = f, q
		}
	}
	return best, best != nil
}

// jsonFormat writes one JSON object with the rows as arrays.
type jsonFormat struct {
	result *query.Result
	cols   []appender
	any    bool // a row was written
}

func newJSON() format { return &jsonFormat{} }

func (f *jsonFormat) contentType() string { return jsonType }
func (f *jsonFormat) live() bool          { return false }

func (f *jsonFormat) begin(dst []byte, result *query.Result, _ arrow.RecordBatch) ([]byte, error) {
	f.result = result
	dst = append(dst, `{"columns":[`...)
	for i, c := range result.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = appendJSONString(dst, c.Name)
		dst = append(dst, `,"type":`...)
		dst = appendJSONString(dst, c.Type)
		dst = append(dst, '}')
	}
	return append(dst, `],"rows":[`...), nil
}

func (f *jsonFormat) bind(dst []byte, b arrow.RecordBatch) ([]byte, int, error) {
	f.cols = appenders(f.cols[:0], b, f.result.Columns, jsonStyle)
	return dst, int(b.NumRows()), nil
}

func (f *jsonFormat) row(dst []byte, i int) []byte {
	if f.any {
		dst = append(dst, ',')
	}
	f.any = true
	dst = append(dst, '\n', '[')
	for c, appendValue := range f.cols {
		if c > 0 {
			dst = append(dst, ',')
		}
		dst = appendValue(dst, i)
	}
	return append(dst, ']')
}

func (f *jsonFormat) end(dst []byte, e *query.Error) ([]byte, bool) {
	dst = append(dst, `],"epoch":`...)
	dst = strconv.AppendUint(dst, f.result.Epoch, 10)
	dst = append(dst, `,"tag":`...)
	dst = appendJSONString(dst, f.result.Tag)
	if len(f.result.Notices) > 0 {
		dst = append(dst, `,"notices":[`...)
		for i, n := range f.result.Notices {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSONString(dst, n)
		}
		dst = append(dst, ']')
	}
	if e != nil {
		dst = appendErrorBody(append(dst, `,"error":`...), e)
	}
	return append(dst, "}\n"...), true
}

// ndjsonFormat writes one JSON object per row.
type ndjsonFormat struct {
	columns []query.Column
	names   [][]byte // `"name":`, escaped
	cols    []appender
}

func newNDJSON() format { return &ndjsonFormat{} }

func (f *ndjsonFormat) contentType() string { return ndjsonType }
func (f *ndjsonFormat) live() bool          { return true }

func (f *ndjsonFormat) begin(dst []byte, result *query.Result, _ arrow.RecordBatch) ([]byte, error) {
	f.columns = result.Columns
	for _, c := range result.Columns {
		f.names = append(f.names, append(appendJSONString(nil, c.Name), ':'))
	}
	return dst, nil
}

func (f *ndjsonFormat) bind(dst []byte, b arrow.RecordBatch) ([]byte, int, error) {
	f.cols = appenders(f.cols[:0], b, f.columns, jsonStyle)
	return dst, int(b.NumRows()), nil
}

func (f *ndjsonFormat) row(dst []byte, i int) []byte {
	dst = append(dst, '{')
	for c, appendValue := range f.cols {
		if c > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, f.names[c]...)
		dst = appendValue(dst, i)
	}
	return append(dst, "}\n"...)
}

func (f *ndjsonFormat) end(dst []byte, e *query.Error) ([]byte, bool) {
	if e != nil {
		dst = append(appendErrorBody(append(dst, `{"error":`...), e), "}\n"...)
	}
	return dst, true
}

// csvFormat writes a header line and one line per row (RFC 4180).
type csvFormat struct {
	columns []query.Column
	cols    []appender
}

func newCSV() format { return &csvFormat{} }

func (f *csvFormat) contentType() string { return csvType + "; charset=utf-8; header=present" }
func (f *csvFormat) live() bool          { return false }

func (f *csvFormat) begin(dst []byte, result *query.Result, _ arrow.RecordBatch) ([]byte, error) {
	f.columns = result.Columns
	for i, c := range result.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCSVField(dst, c.Name)
	}
	if len(result.Columns) > 0 {
		dst = append(dst, "\r\n"...)
	}
	return dst, nil
}

func (f *csvFormat) bind(dst []byte, b arrow.RecordBatch) ([]byte, int, error) {
	f.cols = appenders(f.cols[:0], b, f.columns, csvStyle)
	return dst, int(b.NumRows()), nil
}

func (f *csvFormat) row(dst []byte, i int) []byte {
	for c, appendValue := range f.cols {
		if c > 0 {
			dst = append(dst, ',')
		}
		dst = appendValue(dst, i)
	}
	return append(dst, "\r\n"...)
}

func (f *csvFormat) end(dst []byte, e *query.Error) ([]byte, bool) { return dst, e == nil }

// arrowFormat writes the batches as they are.
type arrowFormat struct {
	out    byteSink
	writer *ipc.Writer
}

// byteSink collects what the IPC writer writes.
type byteSink struct{ bytes []byte }

func (s *byteSink) Write(p []byte) (int, error) {
	s.bytes = append(s.bytes, p...)
	return len(p), nil
}

func newArrow() format { return &arrowFormat{} }

func (f *arrowFormat) contentType() string { return arrowType }
func (f *arrowFormat) live() bool          { return true }

func (f *arrowFormat) begin(dst []byte, result *query.Result, first arrow.RecordBatch) ([]byte, error) {
	var schema *arrow.Schema
	if first != nil {
		schema = first.Schema()
	} else {
		schema = schemaOf(result.Columns)
	}
	f.writer = ipc.NewWriter(&f.out, ipc.WithSchema(schema))
	return dst, nil
}

func (f *arrowFormat) bind(dst []byte, b arrow.RecordBatch) ([]byte, int, error) {
	if err := f.writer.Write(b); err != nil {
		return dst, 0, err
	}
	return f.take(dst), 0, nil
}

func (f *arrowFormat) row(dst []byte, _ int) []byte { return dst }

func (f *arrowFormat) end(dst []byte, e *query.Error) ([]byte, bool) {
	if e != nil || f.writer.Close() != nil {
		return dst, false
	}
	return f.take(dst), true
}

// take moves what the IPC writer wrote to dst.
func (f *arrowFormat) take(dst []byte) []byte {
	dst = append(dst, f.out.bytes...)
	f.out.bytes = f.out.bytes[:0]
	return dst
}

// schemaOf returns a schema for a result without rows, whose batches would
// have told. Nested types, which have no rows to be wrong about, become null.
func schemaOf(columns []query.Column) *arrow.Schema {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.Name, Type: arrow.Null, Nullable: true}
		t, err := batch.ParseType(c.Type)
		if err != nil || t.Nested != nil {
			continue
		}
		switch t.Kind { // where results differ from hot batches
		case batch.Decimal:
			fields[i].Type = &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}
		case batch.UUID, batch.JSON:
			fields[i].Type = arrow.BinaryTypes.String
		default:
			fields[i].Type = t.Arrow()
		}
	}
	return arrow.NewSchema(fields, nil)
}
