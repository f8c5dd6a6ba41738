#include "chunk.h"
#include "shim.h"

#include <limits.h>

// More of DuckDB's C API.
extern void duckdb_scalar_function_set_error(void *info, const char *error);

// What can't be divided by is NULL, as with DuckDB's //.
#define DIVIDE(name, type, least)                                                                             \
	static void name(void *info, void *chunk, void *result) {                                                 \
		void *left = duckdb_data_chunk_get_vector(chunk, 0), *right = duckdb_data_chunk_get_vector(chunk, 1); \
		const type *a = duckdb_vector_get_data(left), *b = duckdb_vector_get_data(right);                     \
		const uint64_t *a_valid = duckdb_vector_get_validity(left), *b_valid = duckdb_vector_get_validity(right); \
		duckdb_vector_ensure_validity_writable(result);                                                       \
		type *out = duckdb_vector_get_data(result);                                                           \
		uint64_t *out_valid = duckdb_vector_get_validity(result);                                             \
		for (idx_t row = 0, n = duckdb_data_chunk_get_size(chunk); row < n; row++) {                          \
			if (!row_valid(a_valid, row) || !row_valid(b_valid, row) || b[row] == 0) {                        \
				set_null(out_valid, row);                                                                     \
			} else if (b[row] == -1 && a[row] == (least)) {                                                   \
				duckdb_scalar_function_set_error(info, "Overflow in division of an integer by -1");           \
				return;                                                                                       \
			} else {                                                                                          \
				out[row] = a[row] / b[row];                                                                   \
			}                                                                                                 \
		}                                                                                                     \
	}

// nonzero passes on that its argument is false, and fails where it is true.
static void nonzero(void *info, void *chunk, void *result) {
	void *column = duckdb_data_chunk_get_vector(chunk, 0);
	const bool *zero = duckdb_vector_get_data(column);
	const uint64_t *valid = duckdb_vector_get_validity(column);
	bool *out = duckdb_vector_get_data(result);
	duckdb_vector_ensure_validity_writable(result);
	uint64_t *out_valid = duckdb_vector_get_validity(result);
	for (idx_t row = 0, n = duckdb_data_chunk_get_size(chunk); row < n; row++) {
		if (!row_valid(valid, row)) {
			set_null(out_valid, row);
		} else if (zero[row]) {
			duckdb_scalar_function_set_error(info, "division by zero"); // known to package sqlstate
			return;
		} else {
			out[row] = true;
		}
	}
}

void *ms_nonzero_callback(void) { return nonzero; }

DIVIDE(divide16, int16_t, SHRT_MIN)
DIVIDE(divide32, int32_t, INT32_MIN)
DIVIDE(divide64, int64_t, INT64_MIN)

void *ms_divide_callback(int bits) {
	switch (bits) {
	case 16:
		return divide16;
	case 32:
		return divide32;
	default:
		return divide64;
	}
}
