package aggregate

import (
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
)

var (
	doubleType = batch.Type{Kind: batch.Double}
	bigIntType = batch.Type{Kind: batch.BigInt}
)

// moments keeps the number of values, their mean, and the sum of squared
// distances from it, by Welford's recurrence: variance and what follows from it.
type moments struct {
	number func(v *batch.Vector, row int) float64
}

func newMoments(arg batch.Type) (Accumulator, error) {
	if number := numbers(arg); number != nil {
		return moments{number}, nil
	}
	return nil, fmt.Errorf("variance over %s", arg)
}

func (moments) Columns() []StateColumn {
	return []StateColumn{{bigIntType, false}, {doubleType, false}, {doubleType, false}}
}

func (m moments) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, _ *Arena) {
	arg, nulls := &args[0], args[0].HasNulls()
	for i, g := range groups {
		row := int(rows[i])
		if nulls && arg.Null(row) {
			continue
		}
		n, mean := value[int64](&c[0], g), value[float64](&c[1], g)
		*n++
		x := m.number(arg, row)
		away := shift(mean, x, float64(*n))
		*value[float64](&c[2], g) += away * (x - *mean)
	}
}

func (moments) Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, _ *Arena) {
	for i, g := range groups {
		h := fromGroups[i]
		more := *value[int64](&from[0], h)
		if more == 0 {
			continue
		}
		n := value[int64](&c[0], g)
		moment, fromMoment := value[float64](&c[2], g), *value[float64](&from[2], h)
		if *n == 0 {
			*n, *value[float64](&c[1], g), *moment = more, *value[float64](&from[1], h), fromMoment
			continue
		}
		had := float64(*n)
		*n += more
		share := float64(more) / float64(*n)
		mean, fromMean := value[float64](&c[1], g), *value[float64](&from[1], h)
		away := fromMean - *mean
		*mean = combine(*mean, fromMean, share)
		*moment += fromMoment + away*away*had*share
	}
}

// combine is the mean of two means, the second of which has the given share.
func combine(a, b, share float64) float64 {
	if away := b - a; isFinite(away) {
		return a + away*share
	}
	return a*(1-share) + b*share
}

func isFinite(x float64) bool { return x-x == 0 }

// comoments keeps, for pairs (y, x) of which neither is NULL, what covariance,
// correlation and the straight line through the points follow from: their
// number, the means of x and y, the sum of products of the distances from the
// means, and the sums of their squares for x and y.
type comoments struct {
	y, x func(v *batch.Vector, row int) float64
}

func newComoments(y, x batch.Type) (Accumulator, error) {
	m := comoments{numbers(y), numbers(x)}
	if m.y == nil || m.x == nil {
		return nil, fmt.Errorf("covariance of %s and %s", y, x)
	}
	return m, nil
}

func (comoments) Columns() []StateColumn {
	d := StateColumn{doubleType, false}
	return []StateColumn{{bigIntType, false}, d, d, d, d, d}
}

func (m comoments) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, _ *Arena) {
	for i, g := range groups {
		row := int(rows[i])
		if args[0].Null(row) || args[1].Null(row) {
			continue
		}
		n, meanX, meanY := value[int64](&c[0], g), value[float64](&c[1], g), value[float64](&c[2], g)
		*n++
		y, x := m.y(&args[0], row), m.x(&args[1], row)
		awayX := shift(meanX, x, float64(*n))
		awayY := shift(meanY, y, float64(*n))
		*value[float64](&c[3], g) += awayX * (y - *meanY)
		*value[float64](&c[4], g) += awayX * (x - *meanX)
		*value[float64](&c[5], g) += awayY * (y - *meanY)
	}
}

func (comoments) Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, _ *Arena) {
	for i, g := range groups {
		h := fromGroups[i]
		more := *value[int64](&from[0], h)
		if more == 0 {
			continue
		}
		n := value[int64](&c[0], g)
		if *n == 0 {
			for k := range 6 { // the columns behind them are of others
				*value[uint64](&c[k], g) = *value[uint64](&from[k], h)
			}
			continue
		}
		had := float64(*n)
		*n += more
		share := float64(more) / float64(*n)
		meanX, meanY := value[float64](&c[1], g), value[float64](&c[2], g)
		fromX, fromY := *value[float64](&from[1], h), *value[float64](&from[2], h)
		awayX, awayY := fromX-*meanX, fromY-*meanY
		*meanX, *meanY = combine(*meanX, fromX, share), combine(*meanY, fromY, share)
		*value[float64](&c[3], g) += *value[float64](&from[3], h) + awayX*awayY*had*share
		*value[float64](&c[4], g) += *value[float64](&from[4], h) + awayX*awayX*had*share
		*value[float64](&c[5], g) += *value[float64](&from[5], h) + awayY*awayY*had*share
	}
}
