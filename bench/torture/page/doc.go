// Command page runs the test programme that breaks Millstream on purpose, one part
// after the other, and prints a page of it: the commit, the date, the machine, and for every
// part its counts and the time it took.
//
//	make torture                 the short form, under 20 minutes on two quiet cores
//	make torture FORM=long       the long one: days
//	go run ./bench/torture/page -only 'crash|abuse' -json page.json
//
// A part is tests by their names, and it is all right only if each of them has run and
// passed: one that is skipped, or is not there any more, counts as FAILED, as one that fails
// does. The exit code is 1 if any part is FAILED. What the tests print is kept, a
// file for each part.
//
// The counts are what a test reports by package result or, of a test that does not, the last
// line that it logs. [parts] is the table of all parts: another one is another line there.
package main
