//go:build ignore

// A library that is loaded before a program's others (LD_PRELOAD) and stands between it
// and the C library where it changes files below a directory. It writes each such call
// into a journal, in the order in which they took effect, and has one of them fail. What
// the environment must hold, and the journal's format, are in library.go and journal.go.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// The kinds of calls, as in journal.go.
enum { OPEN = 1, WRITE, SYNC, TRUNCATE, PUNCH, RENAME, REMOVE, MAKE_DIR, READ, FOUND, FORGET };

// The head of a call in the journal; behind it are the names and the bytes.
struct head {
	uint32_t kind;
	uint32_t error; // 0: it had none
	uint32_t file;  // the number that the open of the file got
	uint32_t name, second;
	uint32_t flags; // of an open: 1 the file was made, 2 it was emptied
	uint64_t offset;
	uint64_t length; // of the bytes, or the size that the file got
	uint64_t number; // of all calls, those included that only read or changed nothing
};

enum { DESCRIPTORS = 1 << 16, PATHS = 1 << 10, MADE = 1, EMPTIED = 2 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *dir; // NULL: nothing is watched
static size_t dir_length;
static int journal = -1;
static _Atomic uint32_t files[DESCRIPTORS]; // by descriptor; 0: it is not watched
static uint32_t opened;
static const char *seen[PATHS]; // that calls have made, or that were told
static int paths;
static uint64_t counted;

// Which call fails, and how: the fail_at-th, and from then on those in so many
// milliseconds. A write that is torn has written its first half. Of a full disk only calls know that
// need space: if the fail_at-th is another one, it is the next.
static uint64_t fail_at;
static int fail_error, fail_torn;
static long fail_ms;
static struct timespec failed_at;
static int failing;

static int (*real_open)(const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, int, off_t, off_t);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_remove)(const char *);
static int (*real_mkdir)(const char *, mode_t);
static int (*real_rmdir)(const char *);
static int (*real_close)(int);
static int (*real_fadvise)(int, off_t, off_t, int);

__attribute__((constructor)) static void begin(void) {
	*(void **)&real_open = dlsym(RTLD_NEXT, "open");
	*(void **)&real_write = dlsym(RTLD_NEXT, "write");
	*(void **)&real_pwrite = dlsym(RTLD_NEXT, "pwrite");
	*(void **)&real_read = dlsym(RTLD_NEXT, "read");
	*(void **)&real_pread = dlsym(RTLD_NEXT, "pread");
	*(void **)&real_fsync = dlsym(RTLD_NEXT, "fsync");
	*(void **)&real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
	*(void **)&real_fallocate = dlsym(RTLD_NEXT, "fallocate");
	*(void **)&real_rename = dlsym(RTLD_NEXT, "rename");
	*(void **)&real_unlink = dlsym(RTLD_NEXT, "unlink");
	*(void **)&real_remove = dlsym(RTLD_NEXT, "remove");
	*(void **)&real_mkdir = dlsym(RTLD_NEXT, "mkdir");
	*(void **)&real_rmdir = dlsym(RTLD_NEXT, "rmdir");
	*(void **)&real_close = dlsym(RTLD_NEXT, "close");
	*(void **)&real_fadvise = dlsym(RTLD_NEXT, "posix_fadvise");
	const char *path = getenv("DISK_JOURNAL");
	if (path == NULL) return;
	journal = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (journal < 0) abort();
	dir = getenv("DISK_DIRECTORY");
	if (dir == NULL) abort();
	dir_length = strlen(dir);
	const char *fail = getenv("DISK_FAIL");
	if (fail != NULL && sscanf(fail, "%lu %d %ld %d", &fail_at, &fail_error, &fail_ms, &fail_torn) != 4) abort();
}

static int below(const char *path) {
	return dir != NULL && path != NULL && strncmp(path, dir, dir_length) == 0 && (path[dir_length] == '/' || path[dir_length] == 0);
}

static uint32_t watched(int fd) { return dir != NULL && fd >= 0 && fd < DESCRIPTORS ? atomic_load(&files[fd]) : 0; }

// Counts a call, and returns with which error it is to fail, or 0. The caller holds the
// lock.
static int fails(int needs_space) {
	counted++;
	if (fail_at == 0 || counted < fail_at || (fail_error == ENOSPC && !needs_space)) return 0;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!failing) {
		failing = 1;
		failed_at = now;
		return fail_error;
	}
	long ms = (now.tv_sec - failed_at.tv_sec) * 1000 + (now.tv_nsec - failed_at.tv_nsec) / 1000000;
	return ms < fail_ms ? fail_error : 0;
}

// Writes a call into the journal. The caller holds the lock.
static void tell(struct head h, const char *name, const char *second, const void *bytes) {
	h.name = name != NULL ? strlen(name) : 0;
	h.second = second != NULL ? strlen(second) : 0;
	h.number = counted;
	struct iovec parts[] = {
		{&h, sizeof h}, {(void *)name, h.name}, {(void *)second, h.second}, {(void *)bytes, bytes != NULL ? h.length : 0}};
	size_t total = 0;
	for (int i = 0; i < 4; i++) total += parts[i].iov_len;
	if (syscall(SYS_writev, journal, parts, 4) != (long)total) abort();
}

static int refused(struct head h, int error, const char *name, const char *second) {
	h.error = error;
	tell(h, name, second, NULL);
	pthread_mutex_unlock(&lock);
	errno = error;
	return -1;
}

// Notes a path, and returns whether it was noted. The caller holds the lock.
static int known(const char *path) {
	for (int i = 0; i < paths; i++) {
		if (strcmp(seen[i], path) == 0) return 1;
	}
	if (paths == PATHS) abort();
	seen[paths++] = strdup(path);
	return 0;
}

// Writes what is in a file that calls have made which nobody saw into the journal, or that
// was there before. The caller holds the lock.
static void tell_found(const char *path, size_t size) {
	int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	char *data = malloc(size + 1);
	if (fd < 0 || data == NULL || syscall(SYS_pread64, fd, data, size, 0) != (long)size) abort();
	tell((struct head){.kind = FOUND, .length = size}, path, NULL, data);
	free(data);
	syscall(SYS_close, fd);
}

int open(const char *path, int flags, ...) {
	mode_t mode = 0;
	if (flags & (O_CREAT | O_TMPFILE)) {
		va_list list;
		va_start(list, flags);
		mode = va_arg(list, mode_t);
		va_end(list);
	}
	if (!below(path) || (flags & O_DIRECTORY)) return real_open(path, flags, mode);
	pthread_mutex_lock(&lock);
	struct head h = {.kind = OPEN};
	struct stat info;
	int there = stat(path, &info) == 0;
	int error = fails(!there);
	if (error) return refused(h, error, path, NULL);
	if (there && !known(path)) tell_found(path, info.st_size);
	int fd = real_open(path, flags, mode), cause = errno;
	if (fd >= 0 && fd < DESCRIPTORS) {
		h.file = ++opened;
		h.flags = (there ? 0 : MADE) | ((flags & O_TRUNC) ? EMPTIED : 0);
		atomic_store(&files[fd], h.file);
		known(path);
		tell(h, path, NULL, NULL);
	}
	pthread_mutex_unlock(&lock);
	errno = cause;
	return fd;
}

int close(int fd) {
	if (watched(fd)) atomic_store(&files[fd], 0);
	return real_close(fd);
}

// What the disk holds, where a file has been written since it was made durable. After an fsync that
// failed the system takes for written what is not (Linux marks the pages clean), so that it
// reads well as long as it is cached, and is gone once it is not.
struct before {
	struct before *older;
	dev_t device;
	ino_t inode;
	off_t size, offset;
	size_t length;
	int lost; // an fsync that failed had it
	char bytes[];
};
static struct before *befores; // the newest first

enum { PAGE = 4096 };

static int of_file(const struct before *b, const struct stat *info) { return b->device == info->st_dev && b->inode == info->st_ino; }

// Notes what is at a place of a file before it is written. Pages that were lost are written with it again.
static void note_before(int fd, off_t offset, size_t length) {
	struct stat info;
	if (fail_at == 0 || fstat(fd, &info) != 0) return;
	for (struct before *b = befores; b != NULL; b = b->older) {
		if (of_file(b, &info) && offset / PAGE <= (off_t)(b->offset + b->length - 1) / PAGE && b->offset / PAGE <= (off_t)(offset + length - 1) / PAGE) b->lost = 0;
	}
	struct before *b = calloc(1, sizeof *b + length);
	if (b == NULL || length == 0 || syscall(SYS_pread64, fd, b->bytes, length, offset) < 0) {
		free(b);
		return;
	}
	b->older = befores, b->device = info.st_dev, b->inode = info.st_ino, b->size = info.st_size, b->offset = offset, b->length = length;
	befores = b;
}

// Notes an fsync of a file, and what came of it.
static void note_sync(int fd, int failed) {
	struct stat info;
	if (fail_at == 0 || fstat(fd, &info) != 0) return;
	for (struct before **at = &befores; *at != NULL;) {
		struct before *b = *at;
		if (!of_file(b, &info) || (b->lost && !failed)) {
			at = &b->older;
		} else if (failed) {
			b->lost = 1;
			at = &b->older;
		} else {
			*at = b->older;
			free(b);
		}
	}
}

// A program lets go of what is cached of a file: what was lost is seen to be.
int posix_fadvise(int fd, off_t offset, off_t length, int advice) {
	struct stat info;
	if (dir == NULL || advice != POSIX_FADV_DONTNEED || fstat(fd, &info) != 0) return real_fadvise(fd, offset, length, advice);
	pthread_mutex_lock(&lock);
	char name[64];
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	int out = syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CLOEXEC, 0);
	for (struct before **at = &befores; *at != NULL;) {
		struct before *b = *at;
		if (!b->lost || !of_file(b, &info) || b->offset < offset || (length != 0 && b->offset + (off_t)b->length > offset + length)) {
			at = &b->older;
			continue;
		}
		if (out < 0 || syscall(SYS_pwrite64, out, b->bytes, b->length, b->offset) < 0) abort();
		if (b->offset + (off_t)b->length > b->size && real_ftruncate(out, b->size) != 0) abort();
		*at = b->older;
		free(b);
	}
	if (out >= 0) syscall(SYS_close, out);
	char path[4096];
	ssize_t n = readlink(name, path, sizeof path - 1);
	if (n > 0 && fstat(fd, &info) == 0) {
		path[n] = 0;
		tell((struct head){.kind = FORGET, .length = info.st_size}, path, NULL, NULL);
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

// Writes at an offset; with at < 0 where the descriptor stands.
static ssize_t write_at(int fd, const void *data, size_t n, off_t at) {
	pthread_mutex_lock(&lock);
	struct head h = {.kind = WRITE, .file = watched(fd)};
	int error = fails(1);
	if (error && fail_torn) n /= 2;
	off_t offset = at;
	if (at < 0) {
		struct stat info;
		int append = (fcntl(fd, F_GETFL) & O_APPEND) != 0;
		offset = append && fstat(fd, &info) == 0 ? info.st_size : lseek(fd, 0, SEEK_CUR);
	}
	ssize_t done = -1;
	if (!error || fail_torn) note_before(fd, offset, n);
	if (!error || fail_torn) done = at < 0 ? real_write(fd, data, n) : real_pwrite(fd, data, n, at);
	int cause = error ? error : errno;
	h.offset = offset, h.length = done > 0 ? done : 0, h.error = error;
	tell(h, NULL, NULL, data);
	pthread_mutex_unlock(&lock);
	errno = cause;
	return error ? -1 : done;
}

ssize_t write(int fd, const void *data, size_t n) { return watched(fd) ? write_at(fd, data, n, -1) : real_write(fd, data, n); }

ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
	return watched(fd) ? write_at(fd, data, n, at) : real_pwrite(fd, data, n, at);
}

// Whether a read fails; then it is in the journal and errno is set.
static int unreadable(int fd) {
	pthread_mutex_lock(&lock);
	int error = fails(0);
	if (error) return refused((struct head){.kind = READ, .file = watched(fd)}, error, NULL, NULL);
	pthread_mutex_unlock(&lock);
	return 0;
}

ssize_t read(int fd, void *data, size_t n) { return watched(fd) && unreadable(fd) ? -1 : real_read(fd, data, n); }

ssize_t pread(int fd, void *data, size_t n, off_t at) {
	return watched(fd) && unreadable(fd) ? -1 : real_pread(fd, data, n, at);
}

// Does a call that returns 0 when it is done, and writes it into the journal.
#define DO(h, needs_space, first, second, call)                      \
	pthread_mutex_lock(&lock);                                       \
	int error = fails(needs_space);                                  \
	if (error) return refused(h, error, first, second);              \
	int result = call, cause = errno;                                \
	if (result == 0) tell(h, first, second, NULL);                   \
	pthread_mutex_unlock(&lock);                                     \
	errno = cause;                                                   \
	return result

int fsync(int fd) {
	if (!watched(fd)) return real_fsync(fd);
	struct head h = {.kind = SYNC, .file = watched(fd)};
	pthread_mutex_lock(&lock);
	int error = fails(1), result = error ? -1 : real_fsync(fd), cause = error ? error : errno;
	note_sync(fd, result != 0);
	h.error = result != 0 ? cause : 0;
	tell(h, NULL, NULL, NULL);
	pthread_mutex_unlock(&lock);
	errno = cause;
	return result;
}

int ftruncate(int fd, off_t size) {
	if (!watched(fd)) return real_ftruncate(fd, size);
	struct head h = {.kind = TRUNCATE, .file = watched(fd), .length = size};
	DO(h, 0, NULL, NULL, real_ftruncate(fd, size));
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
	if (!watched(fd)) return real_fallocate(fd, mode, offset, length);
	if (!(mode & FALLOC_FL_PUNCH_HOLE)) abort(); // nobody does that here yet
	struct head h = {.kind = PUNCH, .file = watched(fd), .offset = offset, .length = length};
	DO(h, 0, NULL, NULL, real_fallocate(fd, mode, offset, length));
}

int rename(const char *from, const char *to) {
	if (!below(from) && !below(to)) return real_rename(from, to);
	struct head h = {.kind = RENAME};
	DO(h, 0, from, to, (known(to), real_rename(from, to))); // it is told as that of its old name
}

int unlink(const char *path) {
	if (!below(path)) return real_unlink(path);
	struct head h = {.kind = REMOVE};
	DO(h, 0, path, NULL, real_unlink(path));
}

int remove(const char *path) {
	if (!below(path)) return real_remove(path);
	struct head h = {.kind = REMOVE};
	DO(h, 0, path, NULL, real_remove(path));
}

int rmdir(const char *path) {
	if (!below(path)) return real_rmdir(path);
	struct head h = {.kind = REMOVE};
	DO(h, 0, path, NULL, real_rmdir(path));
}

int mkdir(const char *path, mode_t mode) {
	if (!below(path)) return real_mkdir(path, mode);
	struct head h = {.kind = MAKE_DIR};
	DO(h, 1, path, NULL, real_mkdir(path, mode));
}
