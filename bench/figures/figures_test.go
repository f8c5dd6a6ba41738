package figures

import (
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		list []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 100}, 3}} {
		before := slices.Clone(tt.list)
		if got := Median(tt.list); got != tt.want || !slices.Equal(tt.list, before) {
			t.Errorf("of %v: %v, want %v", before, got, tt.want)
		}
	}
}

func TestThousands(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 12.4: "12", 999: "999", 999.6: "1,000", 12345: "12,345", 1234567: "1,234,567"} {
		if got := Thousands(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
