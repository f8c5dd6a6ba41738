//go:build !linux

package child

import (
	"syscall"
	"time"
)

func dieWithParent(attr *syscall.SysProcAttr) *syscall.SysProcAttr { return attr }

// PeakMemoryBytes returns the most resident memory that a process ever had, 0
// where the system does not tell.
func PeakMemoryBytes(int) int64 { return 0 }

func cpuTime(int) time.Duration { return 0 }

func children(int) []int { return nil }
