//go:build killpoints

package killpoint

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// order is what Env says.
type order struct {
	point Point
	after time.Duration
	left  atomic.Int64 // how often the process passes the point before it dies
}

var armed = func() *order {
	text := os.Getenv(Env)
	if text == "" {
		return nil
	}
	o := new(order)
	var n int64
	var after string
	if _, err := fmt.Sscan(text, &o.point, &n, &after); err != nil {
		panic(fmt.Sprintf("%s=%q: %v", Env, text, err))
	}
	var err error
	if o.after, err = time.ParseDuration(after); err != nil {
		panic(fmt.Sprintf("%s=%q: %v", Env, text, err))
	}
	o.left.Store(n)
	return o
}()

// At kills the process if the environment says so.
func At(p Point) {
	if armed == nil || armed.point != p || armed.left.Add(-1) != 0 {
		return
	}
	if armed.after == 0 {
		die()
	}
	time.AfterFunc(armed.after, die)
}

// die ends the process at once, with nothing written and nothing closed.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// LogBytes returns how large the log may be before it is folded: little, so that it
// is folded often.
func LogBytes(n int64) int64 { return min(n, 256<<10) }

// CopyBytes returns how much a backup copies at once: little, and not before a while,
// so that there are checkpoints in the middle of it.
func CopyBytes(n int64) int64 {
	time.Sleep(time.Millisecond)
	return min(n, 256<<10)
}

var trouble = func() <-chan time.Time {
	every, err := time.ParseDuration(os.Getenv(TroubleEnv))
	if err != nil {
		return nil
	}
	return time.Tick(every)
}()

// Trouble asks for the file to be opened again.
func Trouble() <-chan time.Time { return trouble }
