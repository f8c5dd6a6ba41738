package pgcatalog

import "slices"

// Text is a statement that was rewritten.
type Text struct {
	SQL   string
	edits []edit // of the statement as written, in order, none inside of another
}

// Offset returns where the statement as written has what stands at an offset of
// SQL; for what was put in, the place where it was.
func (t Text) Offset(at int) int {
	moved := 0 // how much longer SQL is up to here
	for _, e := range t.edits {
		start := e.start + moved
		if at < start {
			break
		}
		if at < start+len(e.text) {
			return e.start
		}
		moved += len(e.text) - (e.end - e.start)
	}
	return at - moved
}

// text makes the edits. Those at one place keep the order they were made in.
func (r *rewriter) text() Text {
	slices.SortStableFunc(r.edits, func(a, b edit) int { return a.start - b.start })
	made, at := r.edits[:0], 0
	out := make([]byte, 0, len(r.sql)+64)
	for _, e := range r.edits {
		if e.start < at { // inside of what is gone
			continue
		}
		out = append(append(out, r.sql[at:e.start]...), e.text...)
		at = e.end
		made = append(made, e)
	}
	return Text{SQL: string(append(out, r.sql[at:]...)), edits: made}
}
