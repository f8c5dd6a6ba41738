#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "durable.h"

int ms_settle_pages(const char *path, int64_t length) {
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0) return errno == ENOENT ? 0 : errno;
	int error = fsync(file) == 0 ? 0 : errno;
#ifdef POSIX_FADV_DONTNEED
	posix_fadvise(file, 0, length, POSIX_FADV_DONTNEED);
#endif
	close(file);
	return error;
}

int ms_write_durably(const char *path, const void *data, size_t length) {
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0) return errno;
	int error = 0;
	for (size_t done = 0; error == 0 && done < length;) {
		ssize_t n = pwrite(file, (const char *)data + done, length - done, done);
		if (n > 0) done += n;
		else if (n == 0) error = EIO;
		else if (errno != EINTR) error = errno;
	}
	if (error == 0 && (ftruncate(file, length) != 0 || fsync(file) != 0)) error = errno;
	close(file);
	return error;
}
