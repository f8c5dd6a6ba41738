package workload

import (
	"fmt"
	"strconv"
	"time"
)

const (
	clicksStream = 3
	clickPages   = 500
	clickUsers   = 100_000
)

// ClicksColumns declares the fields of [Clicks] for CREATE SOURCE.
const ClicksColumns = `id BIGINT, ts TIMESTAMPTZ, "user" VARCHAR, page VARCHAR, country VARCHAR,
  duration_ms INTEGER, bytes BIGINT, price DOUBLE, status INTEGER, cached BOOLEAN`

// Clicks makes records of ten fields and about 200 bytes, for measuring:
// 500 distinct pages, 100,000 distinct users, one millisecond of event time
// per 100 records, in order, none damaged. It is not safe for concurrent use.
type Clicks struct {
	seed uint64
	n    *numbers
}

// NewClicks returns the clicks of a seed.
func NewClicks(seed uint64) *Clicks { return &Clicks{seed: seed, n: newNumbers()} }

// AppendValue appends the JSON of record number n, counted from 0, of a stream
// that begins at base.
func (c *Clicks) AppendValue(dst []byte, n int64, base time.Time) []byte {
	r := c.n
	r.at(c.seed, clicksStream, uint64(n))
	dst = strconv.AppendInt(append(dst, `{"id":`...), n, 10)
	dst = append(dst, `,"ts":"`...)
	dst = base.Add(time.Duration(n)*10*time.Microsecond).UTC().AppendFormat(dst, timeLayout)
	dst = append(dst, `","user":"user-`...)
	dst = appendDigits(dst, r.IntN(clickUsers), 6)
	dst = append(dst, `","page":"/catalogue/page-`...)
	dst = appendDigits(dst, r.IntN(clickPages), 3)
	dst = append(dst, `","country":"`...)
	dst = append(dst, countries[r.IntN(len(countries))]...)
	dst = strconv.AppendInt(append(dst, `","duration_ms":`...), int64(r.IntN(30_000)), 10)
	dst = strconv.AppendInt(append(dst, `,"bytes":`...), int64(r.IntN(1_000_000)), 10)
	dst = strconv.AppendInt(append(dst, `,"price":`...), int64(r.IntN(1_000)), 10)
	dst = appendDigits(append(dst, '.'), r.IntN(100), 2)
	status := 200
	if r.chance(50) {
		status = 500
	}
	dst = strconv.AppendInt(append(dst, `,"status":`...), int64(status), 10)
	dst = strconv.AppendBool(append(dst, `,"cached":`...), r.chance(3))
	return append(dst, '}')
}

// Key returns the key of record number n: spread evenly, and the same for the same n.
func (c *Clicks) Key(n int64) []byte { return fmt.Appendf(nil, "k%d", mix(uint64(n))%1000) }

func appendDigits(dst []byte, v, width int) []byte {
	for limit := 10; width > 1; width-- {
		if v < limit {
			dst = append(dst, '0')
			continue
		}
		limit *= 10
	}
	return strconv.AppendInt(dst, int64(v), 10)
}
