//go:build !killpoints

package killpoint

import "time"

// At is where the process may be killed; here it is not.
func At(Point) {}

// LogBytes returns how large the log may be before it is folded.
func LogBytes(n int64) int64 { return n }

// CopyBytes returns how much a backup copies at once.
func CopyBytes(n int64) int64 { return n }

// Trouble asks for the file to be opened again; here it never does.
func Trouble() <-chan time.Time { return nil }
