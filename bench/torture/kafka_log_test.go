package torture

import (
	"cmp"
	wire "encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The embedded broker keeps the batches of a partition in files, as producers have
// sent them: eight bytes of offset, four of length, and so many more.

// stored is a batch in a partition's files.
type stored struct {
	file     string
	at, size int64
	first    int64 // offset
}

// storedBatches lists the batches of a partition in order.
func storedBatches(dataDir, topic string, partition int32) ([]stored, error) {
	dir := filepath.Join(dataDir, "partitions", fmt.Sprintf("%s-%d", topic, partition))
	files, err := filepath.Glob(filepath.Join(dir, "*.dat"))
	if err != nil {
		return nil, err
	}
	var list []stored
	for _, file := range files {
		base := strings.TrimSuffix(filepath.Base(file), ".dat")
		if _, err := strconv.ParseInt(base, 10, 64); err != nil {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for at := 0; at+12 <= len(raw); {
			size := 12 + int(wire.BigEndian.Uint32(raw[at+8:]))
			if at+size > len(raw) {
				break
			}
			list = append(list, stored{file, int64(at), int64(size), int64(wire.BigEndian.Uint64(raw[at:]))})
			at += size
		}
	}
	slices.SortFunc(list, func(a, b stored) int { return cmp.Compare(a.first, b.first) })
	return list, nil
}

// cutLog takes the batches from one on out of a partition's files. The broker must not
// be running.
func cutLog(dataDir, topic string, partition int32, from stored) error {
	dir := filepath.Dir(from.file)
	// What the broker wrote down of the files when it closed does not hold any more.
	if err := os.Remove(filepath.Join(dir, "snapshot.json")); err != nil && !os.IsNotExist(err) {
		return err
	}
	list, err := storedBatches(dataDir, topic, partition)
	if err != nil {
		return err
	}
	for _, b := range list {
		if b.first > from.first && b.file != from.file {
			if err := os.Truncate(b.file, 0); err != nil {
				return err
			}
		}
	}
	return os.Truncate(from.file, from.at)
}

// damage turns over a bit of the text of a batch's last record, and back when it is
// called again. The batch must not be compressed.
func damage(b stored) error {
	f, err := os.OpenFile(b.file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	var one [1]byte
	at := b.at + b.size - int64(len(`x"}`)+1) // behind them is the number of headers
	if _, err = f.ReadAt(one[:], at); err == nil {
		one[0] ^= 0x10
		_, err = f.WriteAt(one[:], at)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
