package workload

import (
	"math"
	"math/rand/v2"
	"sort"
)

// numbers are the random numbers of one record: a sequence that begins at a
// hash of the seed, the stream and the record's number.
type numbers struct {
	*rand.Rand
	source *splitMix
}

func newNumbers() *numbers {
	source := &splitMix{}
	return &numbers{Rand: rand.New(source), source: source}
}

// at turns to a record.
func (n *numbers) at(seed, stream, record uint64) {
	n.source.state = mix(mix(mix(seed)^stream) ^ record)
}

// splitMix is the SplitMix64 generator, whose whole state is one word and can
// therefore be set for each record at no cost.
type splitMix struct{ state uint64 }

// Uint64 implements rand.Source.
func (s *splitMix) Uint64() uint64 {
	s.state += 0x9e3779b97f4a7c15
	return mix(s.state)
}

// mix is the finaliser of SplitMix64.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// chance reports true once in every times on average.
func (n *numbers) chance(every int) bool { return n.IntN(every) == 0 }

// choice draws from weights that grow: weights[i] is the share of all up to i.
func (n *numbers) choice(weights []float64) int {
	x := n.Float64() * weights[len(weights)-1]
	return sort.SearchFloat64s(weights, x)
}

// zipf returns the cumulated weights 1/(i+1)^s of n ranks.
func zipf(n int, s float64) []float64 {
	weights := make([]float64, n)
	total := 0.0
	for i := range weights {
		total += math.Pow(float64(i+1), -s)
		weights[i] = total
	}
	return weights
}
