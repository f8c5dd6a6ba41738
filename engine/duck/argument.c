#include "chunk.h"
#include "shim.h"

// More of DuckDB's C API.
extern void *duckdb_scalar_function_get_extra_info(void *info);
extern void duckdb_scalar_function_set_error(void *info, const char *error);

// Exported from Go.
extern bool millstreamArgument(uint64_t db, int64_t number, bool text, void *result);

static void argument(void *info, void *chunk, void *result, bool text) {
	if (duckdb_data_chunk_get_size(chunk) == 0) {
		return;
	}
	const int64_t *number = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)); // the same in all rows
	if (!millstreamArgument(*(uint64_t *)duckdb_scalar_function_get_extra_info(info), number[0], text, result)) {
		duckdb_scalar_function_set_error(info, "the statement has no such argument");
	}
}

static void text_argument(void *info, void *chunk, void *result) { argument(info, chunk, result, true); }
static void integer_argument(void *info, void *chunk, void *result) { argument(info, chunk, result, false); }

void *ms_argument_callback(bool text) { return text ? text_argument : integer_argument; }
