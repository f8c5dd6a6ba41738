#include "shim.h"

// DuckDB's C API, as far as this file calls it.
typedef uint64_t idx_t;
extern idx_t duckdb_data_chunk_get_size(void *chunk);
extern void *duckdb_data_chunk_get_vector(void *chunk, idx_t index);
extern void *duckdb_vector_get_data(void *vector);
extern uint64_t *duckdb_vector_get_validity(void *vector);
extern void duckdb_vector_ensure_validity_writable(void *vector);
extern void *duckdb_scalar_function_get_extra_info(void *info);

// Exported from Go.
extern bool millstreamSignal(uint64_t db, int32_t kind, int32_t process, double argument);

static void signal_row(void *info, void *chunk, void *result) {
	const int32_t *kind = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
	void *processes = duckdb_data_chunk_get_vector(chunk, 1);
	const int32_t *process = duckdb_vector_get_data(processes);
	const uint64_t *valid = duckdb_vector_get_validity(processes);
	const double *argument = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 2));
	uint64_t db = *(uint64_t *)duckdb_scalar_function_get_extra_info(info);
	bool *out = duckdb_vector_get_data(result);
	duckdb_vector_ensure_validity_writable(result);
	uint64_t *out_valid = duckdb_vector_get_validity(result);
	for (idx_t row = 0, n = duckdb_data_chunk_get_size(chunk); row < n; row++) {
		if (valid && !(valid[row >> 6] >> (row & 63) & 1)) {
			out_valid[row >> 6] &= ~(UINT64_C(1) << (row & 63));
		} else {
			out[row] = millstreamSignal(db, kind[row], process[row], argument[row]);
		}
	}
}

void *ms_signal_callback(void) { return signal_row; }
