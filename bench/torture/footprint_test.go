package torture

import (
	"context"
	"fmt"
	"os"

	"github.com/millstream-db/millstream/bench/instance"
)

// footprint is what a process takes of the machine.
type footprint struct {
	memory, descriptors, goroutines int64
	// What DuckDB and Go have of the memory, and what is pages of files: of the program and its
	// libraries, which come as they are run.
	duckdb, heap, files int64
}

// footprintOf asks a database for its own.
func footprintOf(ctx context.Context, db *instance.Instance) (footprint, error) {
	m, err := db.Metrics(ctx)
	if err != nil {
		return footprint{}, err
	}
	f := footprint{
		memory: int64(m["process_resident_memory_bytes"]), descriptors: int64(m["process_open_fds"]), goroutines: int64(m["go_goroutines"]),
		duckdb: int64(m["millstream_duckdb_bytes"]), heap: int64(m["go_memstats_sys_bytes"] - m["go_memstats_heap_released_bytes"]), files: filePages(db.PID()),
	}
	if f.memory == 0 || f.descriptors == 0 || f.goroutines == 0 || f.duckdb == 0 {
		return f, fmt.Errorf("the process does not tell what it takes: %+v", f)
	}
	return f, nil
}

// filePages returns the bytes of a process's memory that are pages of files, 0 where the system does
// not say.
func filePages(pid int) int64 {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, resident, shared int64
	if _, err := fmt.Sscan(string(statm), &size, &resident, &shared); err != nil {
		return 0
	}
	return shared * int64(os.Getpagesize())
}

// above reports whether f takes more than before allows.
func (f footprint) above(before footprint) bool {
	return f.memory > before.memory+memoryMore || f.descriptors > before.descriptors+descriptorsMore || f.goroutines > before.goroutines+goroutinesMore
}

func (f footprint) String() string {
	return fmt.Sprintf("%d MiB, %d descriptors, %d goroutines", f.memory>>20, f.descriptors, f.goroutines)
}

func (f footprint) max(g footprint) footprint {
	return footprint{max(f.memory, g.memory), max(f.descriptors, g.descriptors), max(f.goroutines, g.goroutines), max(f.duckdb, g.duckdb), max(f.heap, g.heap), max(f.files, g.files)}
}
