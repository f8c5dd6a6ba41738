package parser

// Piece is one statement of a text.
type Piece struct {
	Text   string
	Offset int // byte offset of Text in the text it was cut from
}

// Split cuts a text into its statements at the semicolons outside strings,
// comments and parentheses. A piece reaches from its first token to its last,
// without the semicolon; pieces that hold no token are dropped. Split never
// fails: where a string or a comment doesn't end, the last piece reaches to the
// end of the text and Parse reports why.
func Split(sql string) []Piece {
	var pieces []Piece
	s := scanner{sql: sql}
	start, end, depth := -1, 0, 0
	flush := func() {
		if start >= 0 {
			pieces = append(pieces, Piece{Text: sql[start:end], Offset: start})
		}
		start, depth = -1, 0
	}
	for {
		t, err := s.next()
		if err != nil {
			if start < 0 {
				start = err.Offset
			}
			end = len(sql)
			flush()
			return pieces
		}
		if t.Kind == EOF {
			flush()
			return pieces
		}
		if t.mark(";") && depth == 0 {
			flush()
			continue
		}
		switch t.Text {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth = max(depth-1, 0)
		}
		if start < 0 {
			start = t.Offset
		}
		end = t.End()
	}
}
