package plancache

import (
	"fmt"
	"testing"
)

// TestCache holds what is used, and forgets what is not.
func TestCache(t *testing.T) {
	c := New[string, int](10)
	for i := range 1000 {
		c.Put(fmt.Sprint(i), i)
		if v, ok := c.Get("7"); i >= 7 && (!ok || v != 7) {
			t.Fatalf("after %d: %d, %v", i, v, ok)
		}
	}
	if _, ok := c.Get("100"); ok {
		t.Error("what nobody has asked for is still there")
	}
	if v, ok := c.Get("999"); !ok || v != 999 {
		t.Error("the last one is gone")
	}
	if n := len(c.young) + len(c.old); n > 20 {
		t.Errorf("%d values", n)
	}
}
