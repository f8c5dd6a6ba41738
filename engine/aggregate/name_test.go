package aggregate

import (
	"strings"
	"testing"
)

func TestEveryFunctionHasAName(t *testing.T) {
	for f := CountStar; f <= ApproxQuantile; f++ {
		if strings.HasPrefix(f.String(), "aggregate ") {
			t.Errorf("function %d has no name", f)
		}
	}
}
