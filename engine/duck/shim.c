#include "chunk.h"
#include "shim.h"

#include <stdlib.h>
#include <string.h>

// More of DuckDB's C API.
extern void *duckdb_function_get_init_data(void *info);
extern void *duckdb_function_get_local_init_data(void *info);
extern void duckdb_init_set_init_data(void *info, void *data, void (*destroy)(void *));
extern void duckdb_data_chunk_set_size(void *chunk, idx_t size);
extern idx_t duckdb_vector_size(void);
extern void *duckdb_struct_vector_get_child(void *vector, idx_t index);
extern void *duckdb_list_vector_get_child(void *vector);
extern int duckdb_list_vector_reserve(void *vector, idx_t capacity);
extern int duckdb_list_vector_set_size(void *vector, idx_t size);
extern int duckdb_pending_prepared_streaming(void *statement, void **pending);
extern void duckdb_connection_get_arrow_options(void *connection, void **options);
extern void duckdb_destroy_arrow_options(void **options);
extern void *duckdb_to_arrow_schema(void *options, void **types, const char **names, idx_t n, void *schema);
extern void *duckdb_data_chunk_to_arrow(void *options, void *chunk, void *array);
extern bool duckdb_error_data_has_error(void *error);
extern const char *duckdb_error_data_message(void *error);
extern void duckdb_destroy_error_data(void **error);

// Exported from Go.
extern void millstreamBind(void *info);
extern void millstreamInit(void *info);

typedef struct {
	uint32_t length;
	char prefix[4];
	union {
		const char *pointer;
		char rest[8];
	} tail;
} string_handle;

typedef struct { int32_t months, days; int64_t micros; } interval_value;

typedef struct { uint64_t offset, length; } list_entry;

ms_scan *ms_scan_new(uint64_t chunks, uint64_t columns) {
	ms_scan *scan = calloc(1, sizeof *scan);
	scan->chunks = chunks;
	scan->columns = columns;
	scan->rows = calloc(chunks ? chunks : 1, sizeof *scan->rows);
	scan->cells = calloc(chunks * columns ? chunks * columns : 1, sizeof *scan->cells);
	return scan;
}

// Makes room for what a nested column is made of.
ms_column *ms_column_children(ms_column *column, uint32_t children) {
	column->children = children;
	column->child = calloc(children, sizeof *column->child);
	return column->child;
}

static void free_children(ms_column *column) {
	for (uint32_t i = 0; i < column->children; i++)
		free_children(&column->child[i]);
	free(column->child);
}

void ms_scan_free(void *p) {
	ms_scan *scan = p;
	for (uint64_t i = 0; i < scan->chunks * scan->columns; i++)
		free_children(&scan->cells[i]);
	free(scan->rows);
	free(scan->cells);
	free(scan);
}

static void copy_strings(string_handle *out, const ms_column *c, uint64_t first, uint64_t n) {
	const char *bytes = c->data;
	const int32_t *offsets = c->offsets + first;
	for (uint64_t i = 0; i < n; i++) {
		uint32_t length = (uint32_t)(offsets[i + 1] - offsets[i]);
		const char *value = bytes + offsets[i];
		string_handle h = {.length = length};
		if (length <= 12) {
			char *inlined = (char *)&h + 4;
			if (length > 0)
				memcpy(inlined, value, length);
		} else {
			memcpy(h.prefix, value, 4);
			h.tail.pointer = value;
		}
		out[i] = h;
	}
}

static const char *value_at(const ms_column *c, uint64_t row) { return (const char *)c->data + row * c->stride; }

// A UUID is a signed 128-bit number whose top bit is flipped, so that it sorts.
static void copy_uuids(uint64_t *out, const ms_column *c, uint64_t first, uint64_t n) {
	for (uint64_t i = 0; i < n; i++) {
		uint64_t high, low;
		memcpy(&high, value_at(c, first + i), 8);
		memcpy(&low, value_at(c, first + i) + 8, 8);
		out[2 * i] = __builtin_bswap64(low);
		out[2 * i + 1] = __builtin_bswap64(high) ^ ((uint64_t)1 << 63);
	}
}

// GATHER copies values of a width that the compiler knows.
#define GATHER(width)                                                                   \
	for (uint64_t i = 0; i < n; i++)                                                    \
	memcpy((char *)out + i * (width), value_at(c, first + i), (width))

static void copy_fixed(void *out, const ms_column *c, uint64_t first, uint64_t n) {
	if (c->stride == c->width) {
		memcpy(out, value_at(c, first), n * c->width);
		return;
	}
	switch (c->width) {
	case 1:
		GATHER(1);
		break;
	case 2:
		GATHER(2);
		break;
	case 4:
		GATHER(4);
		break;
	case 8:
		GATHER(8);
		break;
	default:
		GATHER(16);
	}
}

static bool bit(const unsigned char *bits, uint64_t i) { return bits[i >> 3] >> (i & 7) & 1; }

static void copy_values(void *out, const ms_column *c, uint64_t first, uint64_t n) {
	switch (c->layout) {
	case MS_FIXED:
	case MS_STRING_T:
		copy_fixed(out, c, first, n);
		break;
	case MS_BITS:
		for (uint64_t i = 0; i < n; i++)
			((uint8_t *)out)[i] = bit(c->data, c->bit_offset + first + i);
		break;
	case MS_INT64_AS16:
		for (uint64_t i = 0; i < n; i++)
			((int16_t *)out)[i] = (int16_t)*(const int64_t *)value_at(c, first + i);
		break;
	case MS_INT64_AS32:
		for (uint64_t i = 0; i < n; i++)
			((int32_t *)out)[i] = (int32_t)*(const int64_t *)value_at(c, first + i);
		break;
	case MS_STRING:
		copy_strings(out, c, first, n);
		break;
	case MS_INTERVAL:
		for (uint64_t i = 0; i < n; i++) {
			interval_value v = *(const interval_value *)value_at(c, first + i);
			v.micros /= 1000;
			((interval_value *)out)[i] = v;
		}
		break;
	case MS_UUID:
		copy_uuids(out, c, first, n);
		break;
	case MS_CONST64:
		for (uint64_t i = 0; i < n; i++)
			((int64_t *)out)[i] = *(const int64_t *)c->data;
		break;
	}
}

static void copy_validity(void *vector, const ms_column *c, uint64_t first, uint64_t n) {
	if (c->validity == MS_ALL_VALID && c->layout != MS_NULL)
		return;
	duckdb_vector_ensure_validity_writable(vector);
	uint64_t *mask = duckdb_vector_get_validity(vector);
	for (uint64_t word = 0; word * 64 < n; word++) {
		uint64_t bits = 0, count = n - word * 64 < 64 ? n - word * 64 : 64;
		for (uint64_t i = 0; i < count && c->layout != MS_NULL; i++) {
			uint64_t at = first + word * 64 + i;
			bool valid = c->validity == MS_BYTES ? ((const uint8_t *)c->valid)[at * c->valid_stride] : bit(c->valid, c->bit_offset + at);
			bits |= (uint64_t)valid << i;
		}
		mask[word] = bits;
	}
}

static void copy_column(void *vector, const ms_column *c, uint64_t first, uint64_t n);

// The elements of consecutive lists are consecutive, too: NULL has none.
static void copy_lists(void *vector, const ms_column *c, uint64_t first, uint64_t n) {
	const int32_t *offsets = c->offsets + first;
	list_entry *out = duckdb_vector_get_data(vector);
	for (uint64_t i = 0; i < n; i++)
		out[i] = (list_entry){(uint64_t)(offsets[i] - offsets[0]), (uint64_t)(offsets[i + 1] - offsets[i])};
	uint64_t elements = (uint64_t)(offsets[n] - offsets[0]);
	duckdb_list_vector_reserve(vector, elements);
	duckdb_list_vector_set_size(vector, elements);
	if (elements > 0)
		copy_column(duckdb_list_vector_get_child(vector), &c->child[0], (uint64_t)offsets[0], elements);
}

// Where a struct is NULL, its fields are: DuckDB takes fields without asking.
static void copy_column(void *vector, const ms_column *c, uint64_t first, uint64_t n) {
	switch (c->layout) {
	case MS_STRUCT:
		for (uint32_t i = 0; i < c->children; i++)
			copy_column(duckdb_struct_vector_get_child(vector, i), &c->child[i], first, n);
		break;
	case MS_LIST:
		copy_lists(vector, c, first, n);
		break;
	default:
		copy_values(duckdb_vector_get_data(vector), c, first, n);
	}
	copy_validity(vector, c, first, n);
}

// Claims the next non-empty chunk for this thread.
static bool advance(ms_scan *scan, ms_cursor *cursor) {
	if (cursor->open && cursor->row < scan->rows[cursor->chunk])
		return true;
	for (;;) {
		cursor->chunk = __atomic_fetch_add(&scan->next, 1, __ATOMIC_RELAXED);
		cursor->row = 0;
		cursor->open = cursor->chunk < scan->chunks;
		if (!cursor->open || scan->rows[cursor->chunk] > 0)
			return cursor->open;
	}
}

static void scan_function(void *info, void *output) {
	ms_scan *scan = duckdb_function_get_init_data(info);
	ms_cursor *cursor = duckdb_function_get_local_init_data(info);
	if (!advance(scan, cursor)) {
		duckdb_data_chunk_set_size(output, 0);
		return;
	}
	uint64_t n = scan->rows[cursor->chunk] - cursor->row, most = duckdb_vector_size();
	if (n > most)
		n = most;
	const ms_column *cells = scan->cells + cursor->chunk * scan->columns;
	for (uint64_t i = 0; i < scan->columns; i++)
		copy_column(duckdb_data_chunk_get_vector(output, i), &cells[i], cursor->row, n);
	cursor->row += n;
	duckdb_data_chunk_set_size(output, n);
}

static void local_init(void *info) { duckdb_init_set_init_data(info, calloc(1, sizeof(ms_cursor)), free); }

void *ms_bind_callback(void) { return (void *)millstreamBind; }
void *ms_init_callback(void) { return (void *)millstreamInit; }
void *ms_local_init_callback(void) { return (void *)local_init; }
void *ms_scan_callback(void) { return (void *)scan_function; }
void *ms_free_scan_callback(void) { return (void *)ms_scan_free; }
void *ms_free_callback(void) { return (void *)free; }

static char *take_error(void *error) {
	char *message = NULL;
	if (error && duckdb_error_data_has_error(error))
		message = strdup(duckdb_error_data_message(error));
	if (error)
		duckdb_destroy_error_data(&error);
	return message;
}

int ms_pending_streaming(void *statement, void **pending) {
	return duckdb_pending_prepared_streaming(statement, pending);
}

void *ms_arrow_options(void *connection) {
	void *options = NULL;
	duckdb_connection_get_arrow_options(connection, &options);
	return options;
}

void ms_arrow_options_free(void *options) { duckdb_destroy_arrow_options(&options); }

char *ms_arrow_schema(void *options, void **types, const char **names, uint64_t n, void *schema) {
	return take_error(duckdb_to_arrow_schema(options, types, names, n, schema));
}

char *ms_arrow_array(void *options, void *chunk, void *array) {
	return take_error(duckdb_data_chunk_to_arrow(options, chunk, array));
}
