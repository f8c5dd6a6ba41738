// The process's memory: what it has, and the refusal of pieces that would be too much.
#ifndef MILLSTREAM_ALLOCATION_H
#define MILLSTREAM_ALLOCATION_H

#include <stdbool.h>
#include <stdint.h>

// Calls into DuckDB that are under way and not for a statement of a user. While there
// are any, nothing is refused. Changed atomically, by Go.
extern int64_t ms_engine_calls;

// How many pieces were refused. Changed atomically.
extern int64_t ms_refused_pieces;

// Says whether the calling thread is in DuckDB for a statement of a user.
void ms_thread_of_user(bool is);

// Sets the most bytes that the process is to have, 0 for no limit.
void ms_memory_limit(int64_t bytes);

// Returns the bytes that the process has now, 0 where the system does not tell.
int64_t ms_memory_resident(void);

// Gives what was freed back to the system.
void ms_memory_return(void);

#endif
