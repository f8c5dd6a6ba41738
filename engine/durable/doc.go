// Package durable knows who waits for a checkpoint. Rows that were handed over
// are visible at once and durable with the next commit, which answers everybody
// who has come before it: many small requests share one transaction.
package durable
