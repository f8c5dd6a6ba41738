#ifndef MILLSTREAM_DURABLE_H
#define MILLSTREAM_DURABLE_H

#include <stddef.h>
#include <stdint.h>

// Makes what the system has in memory of a file durable, and has it read the first bytes, all for 0, from the
// disk when they are read next, where the system can. It returns an errno, or 0, also if there is no such
// file. The calls are the C library's, as DuckDB's are, so that tests see them.
int ms_settle_pages(const char *path, int64_t length);

// Has a file hold these bytes and no others, and makes them durable. It returns an errno, or 0.
int ms_write_durably(const char *path, const void *data, size_t length);

#endif
