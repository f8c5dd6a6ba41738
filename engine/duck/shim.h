// The table function ms_scan: DuckDB reads columns that Go owns, in place.
//
// Only the public C API of DuckDB is used; the few functions that run once per
// 2,048 values are declared here, the rest is reached through the Go bindings.
#ifndef MILLSTREAM_SHIM_H
#define MILLSTREAM_SHIM_H

#include <stdbool.h>
#include <stdint.h>

// How a column's values lie in memory. Keep in step with Layout in scan.go.
enum ms_layout {
	MS_FIXED,      // width bytes a value, as DuckDB stores them
	MS_BITS,       // Arrow booleans, one bit a value
	MS_INT64_AS16, // int64 holding a DECIMAL of up to 4 digits
	MS_INT64_AS32, // int64 holding a DECIMAL of up to 9 digits
	MS_STRING,     // int32 offsets and bytes
	MS_STRING_T,   // DuckDB's 16-byte string handles
	MS_INTERVAL,   // Arrow month-day-nano
	MS_UUID,       // 16 bytes, big endian
	MS_CONST64,    // one int64 for all rows
	MS_NULL,       // every value is NULL
	MS_STRUCT,     // children: the fields
	MS_LIST,       // int32 offsets into the one child
};

enum ms_validity { MS_ALL_VALID, MS_BITMAP, MS_BYTES };

typedef struct ms_column {
	const void *data;
	const int32_t *offsets; // MS_STRING, MS_LIST: offsets into data or the child, rows + 1 of them
	const void *valid;
	uint64_t bit_offset; // of the first value in bitmaps (MS_BITS data, MS_BITMAP validity)
	uint32_t width;
	uint32_t stride, valid_stride; // from value to value and from validity byte to validity byte
	uint8_t layout;
	uint8_t validity;
	uint32_t children;
	struct ms_column *child; // freed with the scan
} ms_column;

// One scan of one statement: chunks × projected columns, freed by its destructor.
typedef struct {
	uint64_t chunks;
	uint64_t columns;
	uint64_t next; // the next chunk to hand to a thread; updated atomically
	uint64_t *rows;
	ms_column *cells; // cells[chunk * columns + column]
} ms_scan;

// A thread's place in the scan.
typedef struct {
	uint64_t chunk, row;
	bool open;
} ms_cursor;

ms_scan *ms_scan_new(uint64_t chunks, uint64_t columns);
ms_column *ms_column_children(ms_column *column, uint32_t children);
void ms_scan_free(void *scan);
void *ms_bind_callback(void);
void *ms_init_callback(void);
void *ms_local_init_callback(void);
void *ms_scan_callback(void);
void *ms_free_scan_callback(void);
void *ms_free_callback(void);

// The division of two integers of 16, 32 or 64 bits, as a scalar function.
void *ms_divide_callback(int bits);

// A scalar function that fails where its argument, that a divisor is 0, is true.
void *ms_nonzero_callback(void);

// What SQL asks of sessions, as a scalar function.
void *ms_signal_callback(void);

// The arguments of a connection's statement, as scalar functions.
void *ms_argument_callback(bool text);

// LIKE and GLOB, as scalar functions: one callback, whose extra info is one of the kinds.
enum { MS_LIKE, MS_NOT_LIKE, MS_LIKE_ESCAPE, MS_NOT_LIKE_ESCAPE, MS_GLOB };
void *ms_match_callback(void);
void *ms_match_kind(int kind);

// Starts a prepared statement whose rows are produced as they are fetched.
int ms_pending_streaming(void *statement, void **pending);

// Results as Arrow; both return NULL or a message that the caller frees.
void *ms_arrow_options(void *connection);
void ms_arrow_options_free(void *options);
char *ms_arrow_schema(void *options, void **types, const char **names, uint64_t n, void *schema);
char *ms_arrow_array(void *options, void *chunk, void *array);

#endif
