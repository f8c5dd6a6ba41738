package narrow

// SetManyGroups sets from how many groups on expressions are evaluated, and returns
// what it was.
func SetManyGroups(n int) (was int) {
	was, manyGroups = manyGroups, n
	return was
}
