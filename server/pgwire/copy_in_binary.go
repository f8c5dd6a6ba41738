package pgwire

import (
	"encoding/binary"

	"github.com/millstream-db/millstream/query"
)

// binaryRows reads the rows of COPY … FROM STDIN in the binary format, whose data
// come in pieces that may end anywhere.
type binaryRows struct {
	input *query.CopyIn
	types []*wireType

	data   []byte // what is not read yet
	need   int    // how much of it a row takes at least
	begun  bool   // the header was read
	ended  bool   // the trailer was read
	rows   int64
	values []any
}

func newBinaryRows(input *query.CopyIn) *binaryRows {
	return &binaryRows{input: input, types: columnTypes(input.Columns), values: make([]any, len(input.Columns))}
}

func badCopy(format string, args ...any) *query.Error {
	return query.Errorf(codeBadCopyFormat, format, args...)
}

// write takes the next piece.
func (r *binaryRows) write(p []byte) error {
	r.data = append(r.data, p...)
	at := 0
	if !r.begun {
		n, err := header(r.data)
		if n == 0 || err != nil {
			return err
		}
		at, r.begun = n, true
	}
	for at < len(r.data) && len(r.data)-at >= r.need {
		if r.ended {
			return badCopy("received copy data after EOF marker")
		}
		n, err := r.row(r.data[at:])
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		at, r.need = at+n, 0
	}
	if at > 0 {
		r.data = append(r.data[:0], r.data[at:]...)
	}
	return r.input.Admit(int64(max(len(r.data), r.need)))
}

// end says that there is no more. The trailer may be missing, a part of a row not.
func (r *binaryRows) end() error {
	if !r.begun {
		return badCopy("COPY file signature not recognized")
	}
	if len(r.data) > 0 {
		return badCopy("unexpected EOF in COPY data")
	}
	return nil
}

// The parts of the header: a signature, flags, and the length of an extension.
const (
	signatureBytes = 11
	headerBytes    = len(binaryCopyHeader)
	hasOIDs        = 1 << 16
	criticalFlags  = 0xffff << 16
	extensionMax   = 1 << 20
)

// header returns how many bytes the header takes, 0 when it has not come whole.
func header(data []byte) (n int, err error) {
	if have := min(len(data), signatureBytes); string(data[:have]) != binaryCopyHeader[:have] {
		return 0, badCopy("COPY file signature not recognized").WithHint("The data are not in the format binary.")
	}
	if len(data) < headerBytes {
		return 0, nil
	}
	flags, length := binary.BigEndian.Uint32(data[signatureBytes:]), binary.BigEndian.Uint32(data[signatureBytes+4:])
	switch {
	case flags&hasOIDs != 0:
		return 0, badCopy("invalid COPY file header (WITH OIDS)")
	case flags&criticalFlags != 0:
		return 0, badCopy("unrecognized critical flags in COPY file header")
	case length > extensionMax:
		return 0, badCopy("invalid COPY file header (wrong length)")
	case uint32(len(data)-headerBytes) < length:
		return 0, nil
	}
	return headerBytes + int(length), nil
}

// row takes the first row of data and returns how many bytes it takes, 0 when it has
// not come whole.
func (r *binaryRows) row(data []byte) (n int, err error) {
	if len(data) < 2 {
		return 0, nil
	}
	fields := int16(binary.BigEndian.Uint16(data))
	if fields == -1 {
		r.ended = true
		return 2, nil
	}
	if int(fields) != len(r.types) {
		return 0, badCopy("row field count is %d, expected %d", fields, len(r.types)).WithHint("COPY, row %d.", r.rows+1)
	}
	at := 2
	for i, t := range r.types {
		if len(data)-at < 4 {
			return 0, nil
		}
		length := int32(binary.BigEndian.Uint32(data[at:]))
		at += 4
		switch {
		case length == -1:
			r.values[i] = nil
			continue
		case length < 0:
			return 0, r.place(badCopy("invalid field size"), i)
		case int64(length) > int64(len(data)-at):
			r.need = at + int(length)
			return 0, nil
		}
		if err := r.value(i, t, data[at:at+int(length)]); err != nil {
			return 0, err
		}
		at += int(length)
	}
	r.rows++
	return at, r.input.Append(r.values)
}

func (r *binaryRows) value(i int, t *wireType, data []byte) error {
	v, ok := binaryParameter(t.oid, data)
	if !ok {
		return r.place(query.Errorf(codeInvalidBinary, "incorrect binary data format"), i)
	}
	if text, isText := v.(string); isText {
		if err := checkText(text); err != nil {
			return r.place(query.AsError(err), i)
		}
	}
	r.values[i] = v
	return nil
}

// place says which column of which row is wrong.
func (r *binaryRows) place(e *query.Error, column int) error {
	return e.WithHint("COPY, row %d, column %s.", r.rows+1, r.input.Columns[column].Name)
}
