// Package figures makes figures of measurements: the middle of several, and a number
// as a person reads it.
package figures

import (
	"fmt"
	"slices"
)

// Median returns the middle of a list, which stays as it is, or the mean of the two in
// the middle; 0 of an empty one.
func Median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	middle := len(list) / 2
	if len(list)%2 == 0 {
		return (list[middle-1] + list[middle]) / 2
	}
	return list[middle]
}

// Thousands writes a number of at least 0 as a whole one, with commas.
func Thousands(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
