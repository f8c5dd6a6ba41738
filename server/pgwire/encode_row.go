package pgwire

import (
	"encoding/binary"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/query"
)

// Result formats.
const (
	textFormat   = 0
	binaryFormat = 1
)

// maxRowBytes bounds one DataRow message; PostgreSQL's limit for a value.
const maxRowBytes = 1 << 30

// appender appends the value in the given row of the array it was made for.
// It is never called for a null.
type appender func(dst []byte, row int) []byte

// rowEncoder turns the rows of record batches into DataRow messages.
type rowEncoder struct {
	names   []string
	types   []*wireType
	formats []int16 // one per column
	zone    *time.Location

	appenders []appender
	nullable  []arrow.Array // nil where the batch has no null
	digits    [40]byte      // of the number being written
	err       error         // of a value; set by appenders
}

func newRowEncoder(columns []query.Column, types []*wireType, formats []int16, zone *time.Location) *rowEncoder {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return &rowEncoder{
		names: names, types: types, formats: formats, zone: zone,
		appenders: make([]appender, len(columns)), nullable: make([]arrow.Array, len(columns)),
	}
}

// bind makes the encoder ready for the rows of a batch, which must stay valid
// while they are encoded.
func (e *rowEncoder) bind(batch arrow.RecordBatch) error {
	if int(batch.NumCols()) != len(e.types) {
		return planChanged("%d columns were described, the result has %d", len(e.types), batch.NumCols())
	}
	for i, t := range e.types {
		array := batch.Column(i)
		if extension, ok := array.(interface{ Storage() arrow.Array }); ok {
			array = extension.Storage()
		}
		var a appender
		if e.formats[i] == binaryFormat {
			a = e.binaryAppender(t, array)
		} else {
			a = e.textAppender(t, array)
		}
		if a == nil {
			return planChanged("column %q: a %s can't be sent as type %d", e.names[i], array.DataType(), t.oid)
		}
		e.appenders[i], e.nullable[i] = a, array
		if array.NullN() == 0 && !hidesNulls(array) {
			e.nullable[i] = nil
		}
	}
	return nil
}

// append appends one row as a DataRow message.
func (e *rowEncoder) append(dst []byte, row int) ([]byte, error) {
	start := len(dst)
	dst = append(dst, 'D', 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(e.appenders)))
	for i, a := range e.appenders {
		if e.nullable[i] != nil && isNull(e.nullable[i], row) {
			dst = append(dst, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		length := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		dst = a(dst, row)
		binary.BigEndian.PutUint32(dst[length:], uint32(len(dst)-length-4))
		if len(dst)-start > maxRowBytes {
			e.err = query.Errorf(query.CodeProgramLimit, "a row is larger than 1 GiB")
		}
		if e.err != nil {
			err := e.err
			e.err = nil
			return dst[:start], err
		}
	}
	binary.BigEndian.PutUint32(dst[start+1:], uint32(len(dst)-start-1))
	return dst, nil
}

// hidesNulls reports whether an array's own count of nulls is not to be
// trusted: it has no validity bitmap.
func hidesNulls(array arrow.Array) bool {
	switch array.DataType().ID() {
	case arrow.NULL, arrow.SPARSE_UNION, arrow.DENSE_UNION:
		return true
	}
	return false
}

// isNull reports whether a row is null.
func isNull(array arrow.Array, row int) bool {
	switch array.DataType().ID() {
	case arrow.NULL:
		return true
	case arrow.SPARSE_UNION, arrow.DENSE_UNION:
		child, i := unionChild(array, row)
		return isNull(child, i)
	}
	return array.IsNull(row)
}
