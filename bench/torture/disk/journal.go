package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// Kind is what a call does.
type Kind uint32

// The kinds of calls. A Read is in the journal only if it failed.
const (
	Open     Kind = iota + 1 // for reading, writing or both; it may make the file or empty it
	Write                    // of bytes at an offset
	Sync                     // fsync
	Truncate                 // to a size, which may be larger
	Punch                    // a hole of zeros
	Rename                   // of a file
	Remove                   // of a file or an empty directory
	MakeDir                  // mkdir
	Read
	// Found is not a call: it comes before the first Open of a file that none of the calls has
	// made, and has all that is in it.
	Found
	// Forget lets go of what is cached of a file: what was lost by an fsync that failed is
	// not seen any more. The file has its Length then.
	Forget
)

func (k Kind) String() string {
	names := []string{"", "open", "write", "sync", "truncate", "punch", "rename", "remove", "mkdir", "read", "found", "forget"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("kind %d", uint32(k))
}

// Call is a call of a process, as it took effect.
type Call struct {
	Kind Kind
	// Error is what it failed with; 0: it did not. A Write that failed has Bytes if it was
	// torn.
	Error syscall.Errno
	// File stands for the file from its Open on; others may stand for the same file.
	File          uint32
	Path, Second  string // of Open, Rename, Remove, MakeDir; Second is the new name
	Made, Emptied bool   // by Open
	Offset        int64
	Length        int64 // of what is written or punched; Truncate: the size
	Number        int64 // among all calls, those too that are not in the journal; from 1
	Bytes         []byte
	// End is where the journal ends with this call, in bytes.
	End int64
}

// head is a call at the beginning of its place in the journal, little endian.
type head struct {
	Kind, Error, File, Name, Second, Flags uint32
	Offset, Length, Number                 uint64
}

// What the flags of a head say of an Open.
const (
	flagMade = 1 << iota
	flagEmptied
)

// ReadJournal returns the calls of a journal. A last call that is not there whole, since the
// process was killed, is left out.
func ReadJournal(path string) ([]Call, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("journal of calls: %w", err)
	}
	return parseJournal(text)
}

// parseJournal returns the calls of a journal, whose bytes they share.
func parseJournal(journal []byte) (list []Call, err error) {
	r := bytes.NewReader(journal)
	next := func(n int) []byte {
		from := len(journal) - r.Len()
		if n > r.Len() {
			err = io.ErrUnexpectedEOF
			return nil
		}
		_, err = r.Seek(int64(n), io.SeekCurrent)
		return journal[from : from+n : from+n]
	}
	for r.Len() > 0 {
		var h head
		if err := binary.Read(r, binary.LittleEndian, &h); errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		c := Call{
			Kind: Kind(h.Kind), Error: syscall.Errno(h.Error), File: h.File, Offset: int64(h.Offset), Length: int64(h.Length), Number: int64(h.Number),
			Made: h.Flags&flagMade != 0, Emptied: h.Flags&flagEmptied != 0,
		}
		if c.Kind < Open || c.Kind > Forget {
			return list, fmt.Errorf("the journal has a call of %s behind %d others", c.Kind, len(list))
		}
		c.Path, c.Second = string(next(int(h.Name))), string(next(int(h.Second)))
		if c.Kind == Write || c.Kind == Found {
			c.Bytes = next(int(h.Length))
		}
		if err != nil {
			return list, nil //nolint:nilerr // it was being written when the process died
		}
		c.End = int64(len(journal) - r.Len())
		list = append(list, c)
	}
	return list, nil
}
