package duck

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"
)

// A database's log, as DuckDB 1.5 writes it: an entry without a frame that says which file it belongs to,
// then for each change an entry behind its length and its checksum (8 bytes each, little endian). A commit
// ends with an entry that is always the same, and an fsync.
//
// A power cut in the middle of that may leave any pages of it on the disk, and zeros in the place of
// others. DuckDB drops a last commit that is cut off, but refuses a log with such zeros; and where the
// length of an entry is damaged it drops all the commits that follow, without a word. So the log is looked at
// before DuckDB opens it, and again if it does not like it. (DuckDB's checksum is the exclusive or of
// multiples of the words: it does not see zeros in the place of an even number of equal ones.)
const (
	logSuffix = ".wal"
	logFrame  = 16   // bytes of the length and the checksum
	logHead   = 1024 // more than the first entry has
	logPage   = 4096 // which a disk writes whole or not at all
	// enoughZeros in the part of a page are no coincidence.
	enoughZeros = 64
)

// logCommit is what ends a commit, with its frame.
var logCommit = []byte{5, 0, 0, 0, 0, 0, 0, 0, 0xe7, 0xfe, 0x7d, 0x72, 0x2f, 0xed, 0x3d, 0x5e, 0x64, 0, 0x64, 0xff, 0xff}

// The first entry begins and ends so.
var logBegin, logFirstEnd = []byte{0x64, 0, 0x62}, []byte{0xff, 0xff}

// ErrLogDamaged is returned when a log has commits behind a place that can't be read.
var ErrLogDamaged = errors.New("the log is damaged")

// withLog calls f with the log of a file and its size, if there is one, and returns what f does.
func withLog(file string, f func(log *os.File, size int64) (cut int64, err error)) (cut int64, err error) {
	log, err := os.OpenFile(file+logSuffix, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look at the log: %w", err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	info, err := log.Stat()
	if err != nil {
		return 0, fmt.Errorf("look at the log: %w", err)
	}
	return f(log, info.Size())
}

// checkLog looks at the frames of the log of a file, and cuts a last commit off that never came to its end.
// It returns how many bytes it cut off.
func checkLog(file string) (cut int64, err error) {
	cut, err = withLog(file, func(log *os.File, size int64) (int64, error) {
		end, err := endOfFrames(log, size)
		if err != nil || end == size {
			return 0, err
		}
		return cutLog(log, end, size, true)
	})
	if errors.Is(err, ErrLogDamaged) {
		err = fmt.Errorf("open duckdb %s: %w", file, &Error{Type: "IO", Message: err.Error(), Position: -1, File: file})
	}
	return cut, err
}

// endOfFrames returns where the frames of a log end: at its end, or where one is
// longer than what is left, or where there are zeros. What does not look like a log is left to DuckDB.
func endOfFrames(log io.ReaderAt, size int64) (int64, error) {
	head := make([]byte, min(size, logHead))
	if _, err := log.ReadAt(head, 0); err != nil {
		return 0, fmt.Errorf("read the log: %w", err)
	}
	first := bytes.Index(head, logFirstEnd)
	switch {
	case len(bytes.Trim(head[:min(len(head), len(logBegin))], "\x00")) == 0:
		return 0, nil
	case !bytes.HasPrefix(head, logBegin) || first < 0:
		return size, nil
	}
	at := int64(first + len(logFirstEnd))
	var frame [logFrame]byte
	for at < size {
		if size-at < logFrame {
			return at, nil
		}
		if _, err := log.ReadAt(frame[:], at); err != nil {
			return 0, fmt.Errorf("read the log: %w", err)
		}
		length := binary.LittleEndian.Uint64(frame[:])
		if length == 0 || length > uint64(size-at-logFrame) {
			return at, nil
		}
		at += logFrame + int64(length)
	}
	return at, nil
}

// cutLog cuts a log of a size off where an entry can't be read, unless it has commits behind that which came to
// their end, which is an ErrLogDamaged. DuckDB itself drops an entry that is cut off, if that is what is wrong.
func cutLog(log *os.File, at, size int64, framed bool) (cut int64, err error) {
	rest := make([]byte, size-at)
	if _, err := log.ReadAt(rest, at); err != nil {
		return 0, fmt.Errorf("read the log: %w", err)
	}
	commits, torn := bytes.Count(rest, logCommit), neverWritten(rest, at)
	switch {
	case commits > 1, commits == 1 && !bytes.HasSuffix(rest, logCommit), commits == 1 && !torn:
		return 0, fmt.Errorf("%w: its entry at byte %d of %d can't be read, and there are commits behind it", ErrLogDamaged, at, size)
	case framed && !torn: // an entry that is cut off
		return 0, nil
	case !torn && len(rest) <= len(logCommit): // what ends a commit, and is not what was written
		return 0, fmt.Errorf("%w: its entry at byte %d of %d can't be read", ErrLogDamaged, at, size)
	}
	if err := errors.Join(log.Truncate(at), log.Sync()); err != nil {
		return 0, fmt.Errorf("cut the log: %w", err)
	}
	return size - at, nil
}

// neverWritten reports whether some of the pages that the bytes, which lie at an offset of their
// file, are in do not look written: they hold zeros, where there is enough of them to tell, or an entry begins or the
// log ends with zeros, as none does.
func neverWritten(b []byte, offset int64) bool {
	zeros := func(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }
	if zeros(b[:min(len(b), logFrame/2)]) || b[len(b)-1] == 0 {
		return true
	}
	for len(b) > 0 {
		n := min(int64(len(b)), logPage-offset%logPage)
		if n >= enoughZeros && zeros(b[:n]) {
			return true
		}
		b, offset = b[n:], offset+n
	}
	return false
}

// unreadable finds where DuckDB says that an entry is, behind its frame, whose checksum is another.
var unreadable = regexp.MustCompile(`Corrupt WAL file: entry at byte position (\d+)`)

// mendLog cuts a last commit that never came to its end off the log of a file that DuckDB has refused with an error. It
// returns how many bytes it cut off, or the same error.
func mendLog(file string, cause *Error) (cut int64, err error) {
	found := unreadable.FindStringSubmatch(cause.Message)
	if found == nil {
		return 0, cause
	}
	at, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		return 0, cause
	}
	cut, err = withLog(file, func(log *os.File, size int64) (int64, error) {
		if at < logFrame || at > size {
			return 0, cause
		}
		return cutLog(log, at-logFrame, size, false)
	})
	if errors.Is(err, ErrLogDamaged) {
		return 0, cause
	}
	return cut, err
}
