package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestMachineMemory(t *testing.T) {
	t.Parallel()
	const meminfo = "MemTotal:       16384 kB\nMemFree: 1 kB\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"nothing is told", nil, 0},
		{"no cgroup", map[string]string{"proc/meminfo": meminfo}, 16 << 20},
		{"version 2", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "4194304\n"}, 4 << 20},
		{"one above", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "4194304\n", "sys/fs/cgroup/a/b/memory.max": "max\n"}, 4 << 20},
		{"version 1", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "3:cpuset:/\n4:memory:/c\n0::/\n",
			"sys/fs/cgroup/memory/c/memory.limit_in_bytes": "8388608\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 8 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for name, text := range c.files {
				name = filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := machineMemory(root); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

// TestMemoryIsShared looks at what the parts of a process may have that nobody has set.
func TestMemoryIsShared(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, c := range []struct {
		name                                                          string
		process, memory                                               int64 // as set
		wantMemory, wantDuckDB, wantView, wantStates, wantFetch, most int64
	}{
		{"a large machine", 64 << 30, 0, 512 * mib, 1 << 30, 1 << 30, (64<<30)/5*4 - 1536*mib - 8<<30 - 128*mib, 32 * mib, 64 << 30},
		{"a small container", 768 * mib, 0, 96 * mib, 192 * mib, 384 * mib, 192 * mib, 6 * mib, 768 * mib},
		{"one part is set", 768 * mib, 256 * mib, 256 * mib, 192 * mib, 384 * mib, 192 * mib, 16 * mib, 768 * mib},
		{"very little", 64 * mib, 0, 16 * mib, 16 * mib, 32 * mib, 16 * mib, mib, 64 * mib},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := defaultConfig()
			cfg.ProcessMemory, cfg.Memory = c.process, c.memory
			for range 2 { // the second time changes nothing
				cfg.shareMemory()
			}
			got := []int64{cfg.Memory, cfg.DuckDBMemory, cfg.ViewMemory, cfg.statesMemory(), cfg.fetchMemory(), cfg.ProcessMemory}
			if want := []int64{c.wantMemory, c.wantDuckDB, c.wantView, c.wantStates, c.wantFetch, c.most}; !slices.Equal(got, want) {
				t.Errorf("got  %d\nwant %d", got, want)
			}
		})
	}
	cfg := defaultConfig()
	if cfg.shareMemory(); machineMemory("/") > 0 && (cfg.ProcessMemory == 0 || cfg.Memory == 0 || cfg.DuckDBMemory == 0 || cfg.ViewMemory == 0) {
		t.Errorf("of this machine: %+v", cfg)
	}
}
