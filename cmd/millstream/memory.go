package main

import (
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	// otherMemory and an eighth of process_memory are for everything but hot rows, states and DuckDB: the
	// program itself, results, what comes from brokers, and what readers keep of earlier epochs.
	otherMemory = 128 << 20
	fetchesMost = 32 << 20
	leastMemory = 16 << 20 // of each part
)

// shareMemory gives the parts that nobody has set what they may have of the process's memory, and that
// three quarters of the machine's, if the system tells.
func (c *Config) shareMemory() {
	if c.ProcessMemory == 0 {
		c.ProcessMemory = machineMemory("/") / 4 * 3 >> 20 << 20
	}
	for _, part := range []struct {
		size  *int64
		most  int64
		share int64
	}{{&c.Memory, 512 << 20, 8}, {&c.DuckDBMemory, 1 << 30, 4}, {&c.ViewMemory, 1 << 30, 2}} {
		if *part.size != 0 {
			continue
		}
		if *part.size = part.most; c.ProcessMemory > 0 {
			*part.size = max(leastMemory, min(part.most, c.ProcessMemory/part.share))
		}
	}
}

// statesMemory returns what the states of all views may have together: what is left of four fifths of the
// process's, from where on statements are ended, but a quarter of it at least. 0: no limit.
func (c *Config) statesMemory() int64 {
	return max(c.ProcessMemory/5*4-c.Memory-c.DuckDBMemory-c.ProcessMemory/8-otherMemory, c.ProcessMemory/4)
}

// fetchMemory returns what a fetch of a topic's records may take.
func (c *Config) fetchMemory() int64 { return min(c.Memory/16, fetchesMost) }

// machineMemory returns the bytes of memory that the process could have: those of the
// machine, or the limit of its cgroup or one above if that is less. It is 0 where the
// system does not tell. root is the root of the file system.
func machineMemory(root string) int64 {
	least := memTotal(filepath.Join(root, "proc/meminfo"))
	text, _ := os.ReadFile(filepath.Join(root, "proc/self/cgroup")) // no cgroups: no limits
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 {
			continue
		}
		tree, file := filepath.Join(root, "sys/fs/cgroup"), "memory.max" // version 2
		if fields[1] == "memory" {
			tree, file = filepath.Join(tree, "memory"), "memory.limit_in_bytes"
		} else if fields[1] != "" {
			continue
		}
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			text, _ := os.ReadFile(filepath.Join(tree, group, file)) // the root has none
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 && n < least {
				least = n
			}
			if group == "/" {
				break
			}
		}
	}
	return least
}

// memTotal reads the machine's memory out of /proc/meminfo.
func memTotal(name string) int64 {
	text, _ := os.ReadFile(name) // not on every system
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kib << 10
		}
	}
	return 0
}
