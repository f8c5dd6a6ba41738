package main

import (
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

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
