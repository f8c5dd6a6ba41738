// Package assign knows how values are given to columns: which types a column
// takes by itself ([Assignable]), and how the text of a query is changed so that
// each value has its column's type, while errors still find their place in what
// the user wrote ([Text]).
package assign
