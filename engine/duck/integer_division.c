#include "shim.h"

#include <limits.h>

// DuckDB's C API, as far as this file calls it.
typedef uint64_t idx_t;
extern idx_t duckdb_data_chunk_get_size(void *chunk);
extern void *duckdb_data_chunk_get_vector(void *chunk, idx_t index);
extern void *duckdb_vector_get_data(void *vector);
extern uint64_t *duckdb_vector_get_validity(void *vector);
extern void duckdb_vector_ensure_validity_writable(void *vector);
extern void duckdb_scalar_function_set_error(void *info, const char *error);

static bool valid(const uint64_t *mask, idx_t row) { return !mask || (mask[row >> 6] >> (row & 63) & 1); }

// What can't be divided by is NULL, as with DuckDB's //.
#define DIVIDE(name, type, least)                                                                          \
	static void name(void *info, void *chunk, void *result) {                                              \
		void *left = duckdb_data_chunk_get_vector(chunk, 0), *right = duckdb_data_chunk_get_vector(chunk, 1); \
		const type *a = duckdb_vector_get_data(left), *b = duckdb_vector_get_data(right);                  \
		const uint64_t *a_valid = duckdb_vector_get_validity(left), *b_valid = duckdb_vector_get_validity(right); \
		duckdb_vector_ensure_validity_writable(result);                                                    \
		type *out = duckdb_vector_get_data(result);                                                        \
		uint64_t *out_valid = duckdb_vector_get_validity(result);                                          \
		for (idx_t row = 0, n = duckdb_data_chunk_get_size(chunk); row < n; row++) {                       \
			if (!valid(a_valid, row) || !valid(b_valid, row) || b[row] == 0) {                             \
				out_valid[row >> 6] &= ~(UINT64_C(1) << (row & 63));                                       \
			} else if (b[row] == -1 && a[row] == (least)) {                                                \
				duckdb_scalar_function_set_error(info, "Overflow in division of an integer by -1");        \
				return;                                                                                    \
			} else {                                                                                       \
				out[row] = a[row] / b[row];                                                                \
			}                                                                                              \
		}                                                                                                  \
	}

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
