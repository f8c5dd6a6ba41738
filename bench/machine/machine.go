// Package machine says on what something was measured.
package machine

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Kernel returns the version of the operating system's kernel, "" where it does not tell.
func Kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease") // elsewhere than on Linux there is none
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// Describe describes the machine in a few words, for a report.
func Describe() string {
	cpu := runtime.GOARCH
	f, err := os.Open("/proc/cpuinfo") // elsewhere than on Linux there is none
	if err == nil {
		defer f.Close() //nolint:errcheck // it was only read
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
				cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d CPUs (%s)", runtime.NumCPU(), cpu)
}
