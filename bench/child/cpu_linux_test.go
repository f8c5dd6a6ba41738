package child

import (
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	line := "4711 (a (b) c) S 42 4711 4711 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 1 0 99 1 2"
	if parent, used := parseStat([]byte(line)); parent != 42 || used != 1270*time.Millisecond {
		t.Errorf("%d, %s", parent, used)
	}
	for _, short := range []string{"", "4711 (a) S 42"} {
		if parent, used := parseStat([]byte(short)); parent != 0 || used != 0 {
			t.Errorf("%q: %d, %s", short, parent, used)
		}
	}
}
