// Package result says what a test has counted, in one line that a person and a program
// can find among all that tests print.
package result

import (
	"fmt"
	"strings"
	"testing"
)

// prefix is what such a line begins with.
const prefix = "RESULT "

// Report logs what a part of the test programme has counted, as "RESULT crash: 5 kills, 0
// lost". A test calls it last, and not when it has failed.
func Report(t testing.TB, part, format string, args ...any) {
	t.Helper()
	t.Logf("%s%s: %s", prefix, part, fmt.Sprintf(format, args...))
}

// Parse returns what a line that a test has printed says of a part. The test's name for
// the place where it was logged, "    crash_test.go:80: ", may stand before it.
func Parse(line string) (part, counts string, ok bool) {
	_, rest, ok := strings.Cut(line, prefix)
	if !ok {
		return "", "", false
	}
	part, counts, ok = strings.Cut(strings.TrimSpace(rest), ": ")
	return part, counts, ok
}
