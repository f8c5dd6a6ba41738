package main

import (
	"context"
	"os"

	"github.com/millstream-db/millstream/bench/peers/results"
)

// measureSize reads the size of the binary.
func (s *session) measureSize(ctx context.Context) error {
	if s.system(results.Millstream) == nil {
		return nil
	}
	info, err := os.Stat(s.binary)
	if err != nil {
		return err
	}
	return s.take(ctx, results.Millstream, results.BinarySize, 1, map[results.Value]float64{results.DiskBytes: float64(info.Size())}, nil)
}
