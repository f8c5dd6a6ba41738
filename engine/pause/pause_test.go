package pause

import (
	"reflect"
	"testing"

	"github.com/millstream-db/millstream/engine/checkpoint"
)

// TestPauseIsKept has a checkpoint keep the pauses of two views.
func TestPauseIsKept(t *testing.T) {
	t.Parallel()
	a := &Pause{Reason: "x", Epoch: 7, Next: map[int32]int64{0: 10, 12: 5}, Rows: 15, Mark: 99}
	b := &Pause{Next: map[int32]int64{}, Mark: -1}
	a.Rewind(12)
	if id, ok := a.Rewound(); !ok || id != 12 {
		t.Errorf("partition %d, %v", id, ok)
	}
	if _, ok := b.Rewound(); ok {
		t.Error("no partition began anew")
	}
	im := &checkpoint.Image{Counters: append(a.Counters("a"), b.Counters("b")...)}
	a.Reason, b.Reason, a.Epoch = "it was paused before the database was opened", "it was paused before the database was opened", 0
	for name, want := range map[string]*Pause{"a": a, "b": b, "c": nil} {
		if got := Restore(im, name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	if list := (*Pause)(nil).Counters("c"); list != nil {
		t.Errorf("%v of a view that is not paused", list)
	}
}
