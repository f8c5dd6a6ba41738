// Package infer guesses the columns of a topic whose records name their fields,
// from a sample of them.
//
// The nouns: a [Sample] is given records one by one, and describes the columns
// that they could have: of each field the narrowest type that takes all of its
// values, in the order in which the fields came first; and of the columns that
// hold times the one that says when a record's event happened, with how far
// records come behind one another by it.
//
// It promises that the decoder accepts every record of the sample for the columns
// that it proposes, apart from those that it would accept for no columns at all. It
// does not promise that of the next record: whoever knows better lists the columns.
// A number with a fraction is a DOUBLE, never a DECIMAL, which would round or
// refuse the next one that has more digits. Nested values are JSON.
package infer
