package epoch

import "time"

// Pace tells how long an epoch will take, from those before it. The zero value has
// seen none, and takes any for short. It belongs to the writer.
type Pace struct{ rows, seconds float64 }

// paceKept is the part of what was seen that still counts after another epoch.
const paceKept = 0.9

// Observe takes in how long an epoch of so many rows took.
func (p *Pace) Observe(rows int, took time.Duration) {
	p.rows = paceKept*p.rows + float64(rows)
	p.seconds = paceKept*p.seconds + took.Seconds()
}

// Forget expects less than what was seen: it was some time ago, and is to be tried again.
func (p *Pace) Forget() { p.seconds *= paceKept }

// Expect returns how long so many rows should take.
func (p *Pace) Expect(rows int) time.Duration {
	if p.rows == 0 {
		return 0
	}
	return time.Duration(p.seconds / p.rows * float64(rows) * float64(time.Second))
}
