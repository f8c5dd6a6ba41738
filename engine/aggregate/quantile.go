package aggregate

import (
	"fmt"
	"math"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"

	"github.com/millstream-db/millstream/engine/batch"
)

// QuantileError is the relative error of approx_quantile: what it returns is
// within this share of the value that stands at the quantile's place.
const QuantileError = 0.01

// quantileBins bounds a sketch's memory. It is enough for values between one
// and 10^17 and as many below zero; where values spread farther, those nearest
// to zero are told apart less well.
const quantileBins = 2048

var quantileMapping = func() mapping.IndexMapping {
	m, err := mapping.NewLogarithmicMapping(QuantileError)
	if err != nil {
		panic(err) // a constant
	}
	return m
}()

func quantileStore() store.Store { return store.NewCollapsingLowestDenseStore(quantileBins) }

// quantiles is a DDSketch: counts of values in bins that grow by a factor.
type quantiles struct {
	*ddsketch.DDSketchWithExactSummaryStatistics
	params []float64
	number func(v *batch.Vector, row int) float64
}

func newQuantiles(params []float64) *quantiles {
	s := ddsketch.NewDDSketchWithExactSummaryStatistics(quantileMapping, quantileStore)
	return &quantiles{DDSketchWithExactSummaryStatistics: s, params: params}
}

func decodeQuantiles(params []float64, b []byte) sketch {
	s, err := ddsketch.DecodeDDSketchWithExactSummaryStatistics(b, quantileStore, quantileMapping)
	if err != nil {
		panic(fmt.Sprintf("aggregate: stored sketch: %v", err)) // the checkpoint's checksum has been verified
	}
	return &quantiles{DDSketchWithExactSummaryStatistics: s, params: params}
}

// add counts a number. NaN and infinities do not count, as in DuckDB.
func (q *quantiles) add(arg *batch.Vector, row int) {
	if q.number == nil {
		q.number = numbers(arg.Type)
	}
	x := q.number(arg, row)
	if limit := quantileMapping.MaxIndexableValue(); math.Abs(x) > limit && !math.IsInf(x, 0) {
		x = math.Copysign(limit, x)
	}
	_ = q.Add(x) // refuses what does not count
}

func (q *quantiles) merge(other sketch) {
	if err := q.MergeWith(other.(*quantiles).DDSketchWithExactSummaryStatistics); err != nil {
		panic(fmt.Sprintf("aggregate: merge sketches: %v", err)) // they all have the same bins
	}
}

func (q *quantiles) clone() sketch { return &quantiles{q.Copy(), q.params, q.number} }

func (q *quantiles) estimate(c []Column, g uint32) {
	for i, p := range q.params {
		x, err := q.at(p)
		valid := c[i].valid(g)
		if *valid = 0; err == nil { // else the sketch is empty
			*value[float64](&c[i], g), *valid = x, 1
		}
	}
}

// at returns the value at a place. The first and the last are known.
func (q *quantiles) at(p float64) (float64, error) {
	switch p {
	case 0:
		return q.GetMinValue()
	case 1:
		return q.GetMaxValue()
	}
	return q.GetValueAtQuantile(p)
}

func (q *quantiles) encode() (b []byte) {
	q.Encode(&b, true)
	return b
}

// bytes is about the size of the bins.
func (q *quantiles) bytes() int64 {
	n := int64(400)
	for _, s := range []store.Store{q.GetPositiveValueStore(), q.GetNegativeValueStore()} {
		if low, err := s.MinIndex(); err == nil {
			high, _ := s.MaxIndex()
			n += 8 * int64(high-low+64)
		}
	}
	return n
}
