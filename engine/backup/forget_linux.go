package backup

import (
	"os"

	"golang.org/x/sys/unix"
)

// forget drops what the kernel remembers of a file, so that it is read from the disk.
func forget(file *os.File) error {
	return unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED)
}
