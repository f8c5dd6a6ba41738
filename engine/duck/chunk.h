// What scalar and table functions need of DuckDB's C API to reach values. The rest
// is reached through the Go bindings.
#ifndef MILLSTREAM_CHUNK_H
#define MILLSTREAM_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t idx_t;
extern idx_t duckdb_data_chunk_get_size(void *chunk);
extern void *duckdb_data_chunk_get_vector(void *chunk, idx_t index);
extern void *duckdb_vector_get_data(void *vector);
extern uint64_t *duckdb_vector_get_validity(void *vector);
extern void duckdb_vector_ensure_validity_writable(void *vector);

// A mask has a bit a row; there is none where all rows are valid.
static inline bool row_valid(const uint64_t *mask, idx_t row) { return !mask || (mask[row >> 6] >> (row & 63) & 1); }
static inline void set_null(uint64_t *mask, idx_t row) { mask[row >> 6] &= ~(UINT64_C(1) << (row & 63)); }

#endif
