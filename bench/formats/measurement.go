package main

import (
	"runtime"
	"time"

	"github.com/millstream-db/millstream/bench/figures"
	"github.com/millstream-db/millstream/engine/batch"
)

// batchRows is how many rows are decoded into a batch, as much as a reader does.
const batchRows = 8192

// measurement is what came of decoding records for a while.
type measurement struct {
	records, bytes, allocations int64
	took                        time.Duration
}

func (m measurement) rate() float64      { return float64(m.records) / m.took.Seconds() }
func (m measurement) megabytes() float64 { return float64(m.bytes) / 1e6 / m.took.Seconds() }

// each is the allocations per record.
func (m measurement) each() float64 { return float64(m.allocations) / float64(m.records) }

// measure gives the records to decode, over and over, for at least as long.
func measure(records [][]byte, patient time.Duration, decode func(record []byte, at int) error) (m measurement, err error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for started := time.Now(); m.took < patient; m.took = time.Since(started) {
		for i, record := range records {
			if err := decode(record, i); err != nil {
				return m, err
			}
			m.bytes += int64(len(record))
		}
		m.records += int64(len(records))
	}
	runtime.ReadMemStats(&after)
	m.allocations = int64(after.Mallocs - before.Mallocs)
	return m, nil
}

// into measures the format's decoder.
func (f *format) into(schema *batch.Schema, patient time.Duration) (measurement, error) {
	b := batch.NewBuilder(batch.NewAllocator(), schema)
	defer b.Release()
	return measure(f.records, patient, func(record []byte, at int) error {
		if at%batchRows == batchRows-1 {
			b.Finish().Release()
		}
		return f.decoder.Decode(record, b)
	})
}

// byLibrary measures the library.
func (f *format) byLibrary(patient time.Duration) (measurement, error) {
	return measure(f.records, patient, func(record []byte, _ int) error {
		_, err := f.generic(record)
		return err
	})
}

// median returns the middle of what f says of each round.
func median(rounds []round, f func(round) float64) float64 {
	list := make([]float64, len(rounds))
	for i, r := range rounds {
		list[i] = f(r)
	}
	return figures.Median(list)
}
