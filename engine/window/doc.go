// Package window assigns event times to windows. Everything here is a pure
// function; times are microseconds since 1970-01-01 UTC, ends are exclusive.
//
// The nouns: a [Spec] says how windows cut event time; a pane is the shortest
// piece of time that windows of one Spec share; [Windows] is a Spec made ready,
// which knows the panes' bounds and the windows that hold each.
package window
