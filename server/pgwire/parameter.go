package pgwire

import (
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/server/pgwire/datetime"
)

// typeNames are PostgreSQL's names of the types whose texts are read here, for
// error messages.
var typeNames = map[uint32]string{
	oidBool: "boolean", oidBytea: "bytea", oidInt2: "smallint", oidInt4: "integer", oidInt8: "bigint",
	oidOID: "oid", oidFloat4: "real", oidFloat8: "double precision", oidNumeric: "numeric", oidUUID: "uuid",
}

// decodeParameter returns the Go value of parameter number (from 1), which the
// client sent in the given format for a type with the given OID. It copies
// what it keeps of data; nil data is NULL.
func decodeParameter(number int, oid uint32, format int16, data []byte) (any, error) {
	if data == nil {
		return nil, nil
	}
	if format == textFormat {
		text := string(data)
		if err := checkText(text); err != nil {
			return nil, err
		}
		return textParameter(oid, text)
	}
	v, ok := binaryParameter(oid, data)
	if !ok {
		return nil, query.Errorf(codeInvalidBinary, "incorrect binary data format in bind parameter %d", number)
	}
	if text, isText := v.(string); isText {
		if err := checkText(text); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// checkText refuses what PostgreSQL's texts can't hold.
func checkText(text string) error {
	if !utf8.ValidString(text) {
		return query.Errorf(codeInvalidEncoding, `invalid byte sequence for encoding "UTF8"`)
	}
	if strings.IndexByte(text, 0) >= 0 {
		return query.Errorf(codeInvalidEncoding, `invalid byte sequence for encoding "UTF8": 0x00`)
	}
	return nil
}

// binaryParameter reads a value in the binary format of its type. A type that
// is not known is a text.
func binaryParameter(oid uint32, data []byte) (any, bool) {
	if element, ok := elementOIDs[oid]; ok {
		return binaryArray(element, data)
	}
	switch oid {
	case oidBool:
		return len(data) == 1 && data[0] != 0, len(data) == 1
	case oidInt2, oidInt4, oidInt8, oidOID, oidRegproc, oidRegclass, oidRegtype, oidXID:
		return binaryInteger(oid, data)
	case oidFloat4:
		if len(data) != 4 {
			return nil, false
		}
		return math.Float32frombits(binary.BigEndian.Uint32(data)), true
	case oidFloat8:
		if len(data) != 8 {
			return nil, false
		}
		return math.Float64frombits(binary.BigEndian.Uint64(data)), true
	case oidNumeric:
		return parseBinaryNumeric(data)
	case oidBytea:
		return append([]byte{}, data...), true
	case oidUUID:
		if len(data) != 16 {
			return nil, false
		}
		return batch.UUIDValue(data), true
	case oidDate, oidTime, oidTimeTZ, oidTimestamp, oidTimestampTZ, oidInterval:
		return binaryTime(oid, data)
	case oidJSONB:
		if len(data) == 0 || data[0] != 1 {
			return nil, false
		}
		return string(data[1:]), true
	case oidVarbit:
		return binaryBits(data)
	default:
		return string(data), true
	}
}

func binaryInteger(oid uint32, data []byte) (any, bool) {
	switch {
	case oid == oidInt2 && len(data) == 2:
		return int64(int16(binary.BigEndian.Uint16(data))), true
	case oid == oidInt4 && len(data) == 4:
		return int64(int32(binary.BigEndian.Uint32(data))), true
	case oid == oidInt8 && len(data) == 8:
		return int64(binary.BigEndian.Uint64(data)), true
	case oid != oidInt2 && oid != oidInt4 && oid != oidInt8 && len(data) == 4:
		return int64(binary.BigEndian.Uint32(data)), true
	}
	return nil, false
}

func binaryTime(oid uint32, data []byte) (any, bool) {
	sizes := map[uint32]int{oidDate: 4, oidTimeTZ: 12, oidInterval: 16}
	if size, ok := sizes[oid]; ok && len(data) != size || !ok && len(data) != 8 {
		return nil, false
	}
	if oid == oidDate {
		days, ok := datetime.DaysFromWire(int32(binary.BigEndian.Uint32(data)))
		return batch.DateValue(days), ok
	}
	v := int64(binary.BigEndian.Uint64(data))
	switch oid {
	case oidInterval:
		return batch.IntervalValue{
			Micros: v,
			Days:   int32(binary.BigEndian.Uint32(data[8:])),
			Months: int32(binary.BigEndian.Uint32(data[12:])),
		}, true
	case oidTime, oidTimeTZ:
		if v < 0 || v > datetime.MicrosPerDay {
			return nil, false
		}
		if oid == oidTime {
			return batch.TimeValue(v), true
		}
		west := int32(binary.BigEndian.Uint32(data[8:]))
		if west < -86_400 || west > 86_400 {
			return nil, false
		}
		return string(datetime.AppendOffset(datetime.AppendTime(nil, v), int(-west))), true
	}
	micros, ok := datetime.MicrosFromWire(v)
	if oid == oidTimestamp {
		return batch.TimestampValue(micros), ok
	}
	return batch.TimestampTZValue(micros), ok
}

// binaryBits reads a bit string as the text of its digits.
func binaryBits(data []byte) (any, bool) {
	if len(data) < 4 {
		return nil, false
	}
	count := int64(binary.BigEndian.Uint32(data))
	if data = data[4:]; count > 8*int64(len(data)) {
		return nil, false
	}
	digits := make([]byte, count)
	for i := range digits {
		digits[i] = '0' + data[i/8]>>(7-i%8)&1
	}
	return string(digits), true
}

// maxArrayDimensions is PostgreSQL's limit.
const maxArrayDimensions = 6

// binaryArray reads an array of any number of dimensions as nested lists.
func binaryArray(element uint32, data []byte) (any, bool) {
	if len(data) < 12 {
		return nil, false
	}
	dimensions := binary.BigEndian.Uint32(data)
	if sent := binary.BigEndian.Uint32(data[8:]); sent != 0 {
		element = sent
	}
	data = data[12:]
	if dimensions == 0 {
		return []any{}, len(data) == 0
	}
	if _, nested := elementOIDs[element]; nested || dimensions > maxArrayDimensions || len(data) < 8*int(dimensions) {
		return nil, false
	}
	lengths := make([]int, dimensions)
	for i := range lengths {
		length := binary.BigEndian.Uint32(data[8*i:])
		if length > uint32(len(data)) { // each element takes four bytes at least
			return nil, false
		}
		lengths[i] = int(length)
	}
	r := arrayReader{element: element, data: data[8*dimensions:]}
	list, ok := r.read(lengths)
	return list, ok && len(r.data) == 0
}

type arrayReader struct {
	element uint32
	data    []byte
}

func (r *arrayReader) read(lengths []int) (any, bool) {
	var list []any
	for range lengths[0] {
		var v any
		ok := len(r.data) > 0 // outer dimensions of empty inner ones would run away
		if ok && len(lengths) > 1 {
			v, ok = r.read(lengths[1:])
		} else if ok {
			v, ok = r.readElement()
		}
		if !ok {
			return nil, false
		}
		list = append(list, v)
	}
	return list, true
}

func (r *arrayReader) readElement() (any, bool) {
	if len(r.data) < 4 {
		return nil, false
	}
	size := int32(binary.BigEndian.Uint32(r.data))
	r.data = r.data[4:]
	if size == -1 {
		return nil, true
	}
	if size < 0 || int(size) > len(r.data) {
		return nil, false
	}
	value := r.data[:size]
	r.data = r.data[size:]
	return binaryParameter(r.element, value)
}
