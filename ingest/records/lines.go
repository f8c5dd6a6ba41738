package records

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// LongError says that a record is longer than allowed, and how long.
type LongError struct{ Bytes, Most int64 }

func (e *LongError) Error() string {
	return fmt.Sprintf("record of %d bytes exceeds the limit of %d", e.Bytes, e.Most)
}

// LinesOptions say what a record is.
type LinesOptions struct {
	Most int // bytes of a record; the rest of a longer one is passed over
	// Quote is what stands around fields that may have line breaks, Delimiter
	// what stands between fields. 0: a record is a line.
	Quote, Delimiter byte
	Begin            int64 // bytes that stand before what is read
}

// Lines cuts a stream into records. It is not safe for concurrent use.
type Lines struct {
	opts   LinesOptions
	in     *bufio.Reader
	at     int64
	record []byte

	quoted, fieldStart, doubt bool // doubt: the last byte was a quote inside of quotes
}

// NewLines returns a cutter of what in gives.
func NewLines(in io.Reader, o LinesOptions) *Lines {
	return &Lines{opts: o, at: o.Begin, in: bufio.NewReaderSize(in, 64<<10)}
}

// Reset goes on with what another stream gives.
func (l *Lines) Reset(in io.Reader) {
	l.in.Reset(in)
	l.at = l.opts.Begin
}

// At returns how many bytes the records so far have taken, with those before them.
func (l *Lines) At() int64 { return l.at }

// Next returns the next record with its line break, valid until the next call. At
// the end the error is io.EOF. With a *LongError comes the beginning of a record.
func (l *Lines) Next() ([]byte, error) {
	l.record = l.record[:0]
	l.quoted, l.fieldStart, l.doubt = false, true, false
	size := int64(0)
	for {
		piece, err := l.in.ReadSlice('\n')
		size += int64(len(piece))
		if room := l.opts.Most + 2 - len(l.record); room > 0 { // and a line break
			l.record = append(l.record, piece[:min(len(piece), room)]...)
		}
		l.follow(piece)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil && l.quoted && !l.doubt:
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case size == 0:
			return nil, io.EOF
		}
		l.at += size
		if n := size - int64(lineBreak(piece)); n > int64(l.opts.Most) {
			return l.record[:min(len(l.record), l.opts.Most)], &LongError{n, int64(l.opts.Most)}
		}
		return l.record, nil
	}
}

func lineBreak(piece []byte) int {
	switch {
	case bytes.HasSuffix(piece, []byte("\r\n")):
		return 2
	case bytes.HasSuffix(piece, []byte("\n")):
		return 1
	}
	return 0
}

// follow notes whether the end of piece is inside of quotes.
func (l *Lines) follow(piece []byte) {
	if l.opts.Quote == 0 || !l.quoted && !l.fieldStart && bytes.IndexByte(piece, l.opts.Quote) < 0 {
		return
	}
	for _, c := range piece {
		switch {
		case l.quoted && l.doubt && c != l.opts.Quote: // the quote before was the closing one
			l.quoted, l.doubt = false, false
			l.fieldStart = c == l.opts.Delimiter
		case l.quoted && c == l.opts.Quote:
			l.doubt = !l.doubt
		case l.quoted:
		case c == l.opts.Quote && l.fieldStart:
			l.quoted, l.fieldStart = true, false
		default:
			l.fieldStart = c == l.opts.Delimiter
		}
	}
}
