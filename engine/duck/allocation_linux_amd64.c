#define _GNU_SOURCE
#include "allocation.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

// The linker leads every allocation of DuckDB's own allocator, which has one place
// for that, and every operator new of its code through the __wrap_ functions.
extern void *__real_duckdb_je_malloc(size_t size);
extern void *__real_duckdb_je_realloc(void *data, size_t size);
extern void *__real__Znwm(size_t size);
extern void *__real__Znam(size_t size);
extern int duckdb_je_mallctl(const char *name, void *old, size_t *old_size, void *new, size_t new_size);
extern void throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((noreturn));

int64_t ms_engine_calls;
int64_t ms_refused_pieces;

enum {
	PIECE = 1 << 20,        // smaller ones are never looked at
	LARGE_PIECE = 64 << 20, // these are waited with for longer
	PATIENCE = 100,         // pauses of PAUSE_NS in which the engine may end its calls
	LARGE_PATIENCE = 2000,
	PAUSE_NS = 1000000,
	DEPTH = 256, // of frames that are looked at
};

static _Atomic int64_t limit;
static _Atomic int64_t resident; // when it was measured last
static _Atomic int64_t grown;    // pieces since
static _Atomic int statm = -1;

void ms_memory_limit(int64_t bytes) { atomic_store(&limit, bytes); }

int64_t ms_memory_resident(void) {
	int file = atomic_load(&statm);
	if (file < 0) {
		if ((file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) < 0) return 0;
		int none = -1;
		if (!atomic_compare_exchange_strong(&statm, &none, file)) {
			close(file);
			file = none;
		}
	}
	char text[128];
	ssize_t n = pread(file, text, sizeof text - 1, 0);
	if (n <= 0) return 0;
	text[n] = 0;
	const char *p = text;
	while (*p && *p != ' ') p++; // the size of the address space
	int64_t pages = 0;
	for (p += *p == ' '; *p >= '0' && *p <= '9'; p++) pages = pages * 10 + (*p - '0');
	int64_t bytes = pages * sysconf(_SC_PAGESIZE);
	atomic_store(&resident, bytes);
	atomic_store(&grown, 0);
	return bytes;
}

// The C library gives threads pools of their own, up to eight for each processor. Go
// calls DuckDB on whatever thread there is, so that small pieces that last come to lie in
// all of them, and what is freed between those stays with the process. One pool for each
// processor is enough, since DuckDB has an allocator of its own for what is large. Blocks of a
// megabyte go back to the system when they are freed; as it is, the library would keep
// those of up to 32 MiB once it has seen one. With both, 6 of the library's 37 MiB were free
// in a soak, and 25 of 57 without. What the operator has set counts.
__attribute__((constructor)) static void keep_little(void) {
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	if (!getenv("MALLOC_ARENA_MAX")) mallopt(M_ARENA_MAX, processors > 2 ? (int)processors : 2);
	if (!getenv("MALLOC_MMAP_THRESHOLD_")) mallopt(M_MMAP_THRESHOLD, PIECE);
}

void ms_memory_return(void) {
	duckdb_je_mallctl("arena.4096.purge", NULL, NULL, NULL, 0); // MALLCTL_ARENAS_ALL
	malloc_trim(0);
}

// Where an exception ends the statement and nothing else, since the same functions
// raise the errors of SQL: the evaluation of an expression, the intake of an
// aggregation, and functions such as json_tree. Elsewhere threads may wait for one another, or a destructor run.
#define FUNCTION(name, symbol) extern const char name[] __asm__(symbol)
#define EXECUTE(name, class) FUNCTION(name, "_ZN6duckdb18ExpressionExecutor7ExecuteERKNS_" class "EPNS_15ExpressionStateEPKNS_15SelectionVectorEmRNS_6VectorE")
#define SINK(name, class) FUNCTION(name, "_ZNK6duckdb" class "4SinkERNS_16ExecutionContextERNS_9DataChunkERNS_17OperatorSinkInputE")
EXECUTE(execute_expression, "10Expression");
EXECUTE(execute_function, "23BoundFunctionExpression");
EXECUTE(execute_cast, "19BoundCastExpression");
EXECUTE(execute_operator, "23BoundOperatorExpression");
SINK(sink_ungrouped, "26PhysicalUngroupedAggregate");
SINK(sink_hash, "21PhysicalHashAggregate");
SINK(sink_perfect_hash, "28PhysicalPerfectHashAggregate");
FUNCTION(execute_table_function, "_ZNK6duckdb26PhysicalTableInOutFunction7ExecuteERNS_16ExecutionContextERNS_9DataChunkES4_RNS_19GlobalOperatorStateERNS_13OperatorStateE");
FUNCTION(worker, "_ZN6duckdb13TaskScheduler14ExecuteForeverEPSt6atomicIbE");

// What a thread is doing, as its stack tells.
typedef struct {
	int depth;
	bool may_fail; // an exception is safe
	bool worker;   // it is one of DuckDB's own threads, which work for anybody
} work;

static _Unwind_Reason_Code look(struct _Unwind_Context *context, void *arg) {
	work *w = arg;
	uintptr_t at = _Unwind_GetIP(context);
	if (at == 0 || w->depth++ > DEPTH) return _URC_END_OF_STACK;
	const char *f = _Unwind_FindEnclosingFunction((void *)(at - 1));
	w->may_fail = w->may_fail || f == execute_expression || f == execute_function || f == execute_cast ||
	              f == execute_operator || f == execute_table_function || f == sink_ungrouped || f == sink_hash || f == sink_perfect_hash;
	w->worker = w->worker || f == worker;
	return w->worker ? _URC_END_OF_STACK : _URC_NO_REASON;
}

// Whether this thread is in DuckDB for a statement of a user. Of DuckDB's own threads
// that is not known.
static _Thread_local bool of_user;
static _Atomic int64_t user_calls; // under way

void ms_thread_of_user(bool is) {
	of_user = is;
	atomic_fetch_add(&user_calls, is ? 1 : -1);
}

static bool fits(size_t size) {
	int64_t most = atomic_load(&limit);
	if (most == 0) return true;
	if (size > INT64_MAX / 4) return false;
	int64_t more = atomic_fetch_add(&grown, (int64_t)size) + (int64_t)size;
	return atomic_load(&resident) + more <= most || ms_memory_resident() + (int64_t)size <= most;
}

// Whether a piece would take the process over its limit, and is for a user's statement
// in a place where an error is safe. DuckDB's own threads wait until there is room, or
// the engine is not in DuckDB, and are granted the piece in the end.
static bool refuse(size_t size) {
	if (fits(size) || atomic_load(&user_calls) == 0) return false;
	work w = {0};
	_Unwind_Backtrace(look, &w);
	if (!w.may_fail || !(w.worker || of_user)) return false;
	int patience = size >= LARGE_PIECE ? LARGE_PATIENCE : PATIENCE;
	while (w.worker && __atomic_load_n(&ms_engine_calls, __ATOMIC_SEQ_CST) > 0) {
		struct timespec pause = {0, PAUSE_NS};
		nanosleep(&pause, NULL);
		if (patience-- == 0 || fits(size)) return false;
	}
	__atomic_fetch_add(&ms_refused_pieces, 1, __ATOMIC_RELAXED);
	return true;
}

void *__wrap_duckdb_je_malloc(size_t size) {
	if (__builtin_expect(size >= PIECE, 0) && refuse(size)) return NULL;
	return __real_duckdb_je_malloc(size);
}

void *__wrap_duckdb_je_realloc(void *data, size_t size) {
	if (__builtin_expect(size >= PIECE, 0) && refuse(size)) return NULL;
	return __real_duckdb_je_realloc(data, size);
}

void *__wrap__Znwm(size_t size) {
	if (__builtin_expect(size >= PIECE, 0) && refuse(size)) throw_bad_alloc();
	return __real__Znwm(size);
}

void *__wrap__Znam(size_t size) {
	if (__builtin_expect(size >= PIECE, 0) && refuse(size)) throw_bad_alloc();
	return __real__Znam(size);
}
