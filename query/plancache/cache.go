// Package plancache remembers what was found out about statements.
package plancache

import "sync"

// Cache holds values by the text, or the definition, of what they were made for, in two generations:
// when the younger one is full, the older one is forgotten. The zero value is not
// usable. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	size int

	mu         sync.Mutex
	young, old map[K]V
}

// New returns a cache of at least size and at most twice as many values.
func New[K comparable, V any](size int) *Cache[K, V] {
	return &Cache[K, V]{size: size, young: make(map[K]V)}
}

// Get returns what is held under a key.
func (c *Cache[K, V]) Get(key K) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok = c.young[key]; ok {
		return v, true
	}
	if v, ok = c.old[key]; ok {
		c.put(key, v)
	}
	return v, ok
}

// Put holds a value, which must not be changed from now on.
func (c *Cache[K, V]) Put(key K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(key, v)
}

func (c *Cache[K, V]) put(key K, v V) {
	if len(c.young) >= c.size {
		c.old, c.young = c.young, make(map[K]V, c.size)
	}
	c.young[key] = v
}
