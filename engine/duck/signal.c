#include "chunk.h"
#include "shim.h"

// More of DuckDB's C API.
extern void *duckdb_scalar_function_get_extra_info(void *info);

// Exported from Go.
extern bool millstreamSignal(uint64_t db, int32_t kind, int32_t process, double argument);

static void signal_row(void *info, void *chunk, void *result) {
	const int32_t *kind = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
	void *processes = duckdb_data_chunk_get_vector(chunk, 1);
	const int32_t *process = duckdb_vector_get_data(processes);
	void *arguments = duckdb_data_chunk_get_vector(chunk, 2);
	const double *argument = duckdb_vector_get_data(arguments);
	const uint64_t *known = duckdb_vector_get_validity(processes), *given = duckdb_vector_get_validity(arguments);
	uint64_t db = *(uint64_t *)duckdb_scalar_function_get_extra_info(info);
	bool *out = duckdb_vector_get_data(result);
	duckdb_vector_ensure_validity_writable(result);
	uint64_t *out_valid = duckdb_vector_get_validity(result);
	for (idx_t row = 0, n = duckdb_data_chunk_get_size(chunk); row < n; row++) {
		if (!row_valid(known, row) || !row_valid(given, row)) {
			set_null(out_valid, row);
		} else {
			out[row] = millstreamSignal(db, kind[row], process[row], argument[row]);
		}
	}
}

void *ms_signal_callback(void) { return signal_row; }
