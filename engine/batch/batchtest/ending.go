package batchtest

import (
	"fmt"
	"time"
)

// endsWithin is how long a fuzz target may take over one input. Most take a millisecond.
const endsWithin = 10 * time.Second

// MustEnd begins to watch a function that must end whatever its input is, and returns what
// says that it has ended: defer batchtest.MustEnd()(). The fuzzer of go test waits for ever
// and does not tell; so the process is ended, and what it was working on is the failing input.
func MustEnd() (ended func()) {
	watch := time.AfterFunc(endsWithin, func() { panic(fmt.Sprintf("the input still has no result after %v", endsWithin)) })
	return func() { watch.Stop() }
}
