// Package composed writes SQL around pieces of a statement, and finds the place in the
// statement of an error that speaks of what was written.
package composed
