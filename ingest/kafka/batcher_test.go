package kafka

import (
	"math"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestTimestampMicros(t *testing.T) {
	for _, tt := range []struct {
		name   string
		millis int64
		want   int64
		ok     bool
	}{
		{"epoch", 0, 0, true},
		{"now", 1_700_000_000_123, 1_700_000_000_123_000, true},
		{"before the epoch", -2, -2000, true},
		{"none", -1, 0, false},
		{"beyond what SQL holds", math.MaxInt64 / 1000, 0, false},
		{"largest", 1<<63 - 1, 0, false},
		{"smallest", -1 << 62, 0, false},
	} {
		got, ok := timestampMicros(&kgo.Record{Timestamp: time.UnixMilli(tt.millis)})
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: got %d, %v; want %d, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}
