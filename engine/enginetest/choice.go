package enginetest

import "math/rand/v2"

// NewRand returns the source of all choices of a seed.
func NewRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x6d696c6c73747265)) }

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// chance is true once in n times.
func chance(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

// skewed returns a number in [1, limit], small ones more often.
func skewed(r *rand.Rand, limit int) int {
	bound := 1
	for bound < limit && !chance(r, 4) {
		bound *= 4
	}
	return 1 + r.IntN(min(bound, limit))
}
