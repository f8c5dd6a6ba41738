package duck

/*
#include <stdlib.h>
#include "durable.h"
*/
import "C"

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"syscall"
	"unsafe"
)

// A fold puts new metadata of DuckDB's where there is room in blocks that hold what is valid, and so
// overwrites these in place. A block has one checksum: where the power fails amid that, nothing in it can be read
// any more. So before a fold these blocks, and the heads that are valid then, are copied beside the file. When it is
// opened and its heads are still the same, the fold has not come to its end, and the blocks are put back.
const metadataSuffix = ".metadata"

var metadataMagic = []byte("metadata of a database file, 1\n\x00")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// KeepMetadata copies the blocks of a connection's database that a fold may overwrite. Nothing may fold
// its log meanwhile.
func (c *Conn) KeepMetadata(ctx context.Context) error {
	if c.inst.file == nil {
		return nil
	}
	var blocks []int64
	var size int64
	err := c.Each(ctx, "SELECT block_id, block_size FROM pragma_metadata_info(), (SELECT block_size FROM pragma_database_size() WHERE database_name = current_database())", func(scan func(dest ...any) error) error {
		var id int64
		err := scan(&id, &size)
		blocks = append(blocks, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("which blocks hold metadata: %w", err)
	}
	text := bytes.NewBuffer(bytes.Clone(metadataMagic))
	head := make([]byte, fileHeads)
	if _, err := c.inst.file.ReadAt(head, 0); err != nil {
		return fmt.Errorf("read the heads of the database file: %w", err)
	}
	text.Write(head)
	block := make([]byte, size)
	for _, id := range blocks {
		at := fileHeads + id*size
		if _, err := c.inst.file.ReadAt(block, at); err != nil {
			return fmt.Errorf("read a block of metadata: %w", err)
		}
		text.Write(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(at)), uint64(size)))
		text.Write(block)
	}
	return writeDurably(c.inst.db.file+metadataSuffix, binary.LittleEndian.AppendUint32(text.Bytes(), crc32.Checksum(text.Bytes(), castagnoli)))
}

// writeDurably writes a file whose text is no harm if only a part of it is written. The calls are the C library's,
// as DuckDB's are, so that tests see them.
func writeDurably(path string, text []byte) error {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if errno := C.ms_write_durably(name, unsafe.Pointer(&text[0]), C.size_t(len(text))); errno != 0 {
		return &fs.PathError{Op: "write", Path: path, Err: syscall.Errno(errno)}
	}
	return nil
}

// restoreMetadata puts the blocks back that a fold has overwritten which has not come to its end, and removes the
// copy, which then is of no use, as after any other fold. Nobody may have the file open.
func restoreMetadata(path string) error {
	text, err := os.ReadFile(path + metadataSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = putBack(path, text)
	}
	if err == nil {
		err = os.Remove(path + metadataSuffix)
	}
	if err != nil {
		return fmt.Errorf("the copy of a database's metadata: %w", err)
	}
	return nil
}

// putBack writes the blocks of a copy into a file that has the heads of the copy, and makes them durable. A copy that is
// not whole was being written, so that no fold had begun.
func putBack(path string, text []byte) (err error) {
	body, whole := bytes.CutPrefix(text, metadataMagic)
	if !whole || len(body) < fileHeads+4 || crc32.Checksum(text[:len(text)-4], castagnoli) != binary.LittleEndian.Uint32(text[len(text)-4:]) {
		return nil
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nor is there anything to put back
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	head := make([]byte, fileHeads)
	if _, err := file.ReadAt(head, 0); err != nil || !bytes.Equal(head, body[:fileHeads]) {
		return nil //nolint:nilerr // a file that is too short: DuckDB says what is wrong with it
	}
	for body = body[fileHeads : len(body)-4]; len(body) > 0; {
		at, size := int64(binary.LittleEndian.Uint64(body)), binary.LittleEndian.Uint64(body[8:])
		if _, err := file.WriteAt(body[16:16+size], at); err != nil {
			return err
		}
		body = body[16+size:]
	}
	return file.Sync()
}
