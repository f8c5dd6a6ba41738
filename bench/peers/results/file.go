package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/millstream-db/millstream/bench/figures"
)

// Value names a figure of a measurement; its unit is part of the name.
type Value string

// The figures.
const (
	Records      Value = "records"
	Bytes        Value = "bytes" // of the records' values
	Seconds      Value = "seconds"
	StartSeconds Value = "start_seconds" // of the program, before it began; not part of Seconds
	CPUSeconds   Value = "cpu_seconds"
	PeakBytes    Value = "peak_bytes"
	P50Millis    Value = "p50_ms"
	P99Millis    Value = "p99_ms"
	MaxMillis    Value = "max_ms"
	Rate         Value = "per_second"
	IngestRate   Value = "ingest_per_second" // while it was queried
	IdleBytes    Value = "idle_bytes"
	GroupBytes   Value = "bytes_per_group"
	DiskBytes    Value = "disk_bytes"
)

// Measurement is one run of a system under a workload.
type Measurement struct {
	Workload string            `json:"workload"`
	System   string            `json:"system"`
	Run      int               `json:"run"` // from 1
	Time     time.Time         `json:"time"`
	Values   map[Value]float64 `json:"values"`
}

// System is something that was measured.
type System struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Version string `json:"version,omitempty"`
	How     string `json:"how"`             // it was run, in words
	Limit   bool   `json:"limit,omitempty"` // a part of the way, which does not give the results
}

// Missing says why there is no figure of a system, for all workloads if that is "".
type Missing struct {
	System   string `json:"system"`
	Workload string `json:"workload,omitempty"`
	Reason   string `json:"reason"`
}

// File is everything that was measured. The zero value is empty.
type File struct {
	Machine      string        `json:"machine"`
	Versions     []string      `json:"versions"` // of what is beside the systems
	Commands     []string      `json:"commands"` // that measured, oldest first
	Systems      []System      `json:"systems"`  // in the order of the report
	Measurements []Measurement `json:"measurements"`
	Missing      []Missing     `json:"missing,omitempty"`
}

// Load reads a file; one that does not exist is empty.
func Load(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &File{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	f := &File{}
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("read results of %s: %w", path, err)
	}
	return f, nil
}

// Save writes results.json, RESULTS.md and results.svg into a directory, each
// of them whole or not at all.
func (f *File) Save(dir string) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	for name, content := range map[string]string{
		"results.json": string(text) + "\n", "RESULTS.md": f.Report(), "results.svg": f.Chart(),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".new", []byte(content), 0o644); err != nil { //nolint:gosec // a file of the repository
			return fmt.Errorf("write results: %w", err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
	}
	return nil
}

// Declare says what a system is. One that is new comes last.
func (f *File) Declare(s System) {
	if i := slices.IndexFunc(f.Systems, func(o System) bool { return o.Name == s.Name }); i >= 0 {
		f.Systems[i] = s
		return
	}
	f.Systems = append(f.Systems, s)
}

// Sort brings the systems into the order of names; others come last.
func (f *File) Sort(names []string) {
	rank := func(s System) int {
		if i := slices.Index(names, s.Name); i >= 0 {
			return i
		}
		return len(names)
	}
	slices.SortStableFunc(f.Systems, func(a, b System) int { return rank(a) - rank(b) })
}

// Add adds a measurement. The first run of a system under a workload takes the
// place of everything that was known of the two.
func (f *File) Add(m Measurement) {
	if m.Run == 1 {
		f.forget(m.System, m.Workload)
	}
	f.Measurements = append(f.Measurements, m)
}

// Miss says that a system has no figure, and forgets those that it had.
func (f *File) Miss(m Missing) {
	f.forget(m.System, m.Workload)
	f.Missing = append(f.Missing, m)
}

// Knows reports whether there is a figure of a system.
func (f *File) Knows(system string) bool {
	return slices.ContainsFunc(f.Measurements, func(m Measurement) bool { return m.System == system })
}

// forget drops what is known of a system under a workload, or under all.
func (f *File) forget(system, workload string) {
	f.Measurements = slices.DeleteFunc(f.Measurements, func(o Measurement) bool {
		return o.System == system && (workload == "" || o.Workload == workload)
	})
	f.Missing = slices.DeleteFunc(f.Missing, func(o Missing) bool {
		return o.System == system && (workload == "" || o.Workload == workload || o.Workload == "")
	})
}

// Median returns the median over the runs of what a system has under a workload.
func (f *File) Median(system, workload string, v Value) (float64, bool) {
	var list []float64
	for _, m := range f.Measurements {
		if x, ok := m.Values[v]; ok && m.System == system && m.Workload == workload {
			list = append(list, x)
		}
	}
	return median(list)
}

// Worst returns the largest over the runs.
func (f *File) Worst(system, workload string, v Value) (float64, bool) {
	worst, found := 0.0, false
	for _, m := range f.Measurements {
		if x, ok := m.Values[v]; ok && m.System == system && m.Workload == workload {
			worst, found = max(worst, x), true
		}
	}
	return worst, found
}

// Runs returns how often a system was measured under a workload.
func (f *File) Runs(system, workload string) int {
	n := 0
	for _, m := range f.Measurements {
		if m.System == system && m.Workload == workload {
			n++
		}
	}
	return n
}

// RecordRate returns the records per second of a replay: of each run, not of the
// medians of both.
func (f *File) RecordRate(system, workload string) (float64, bool) {
	var list []float64
	for _, m := range f.Measurements {
		if m.System == system && m.Workload == workload && m.Values[Seconds] > 0 {
			list = append(list, m.Values[Records]/m.Values[Seconds])
		}
	}
	return median(list)
}

// median returns the middle of a list, false if there is nothing in it.
func median(list []float64) (float64, bool) { return figures.Median(list), len(list) > 0 }
