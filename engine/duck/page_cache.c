#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "page_cache.h"

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
