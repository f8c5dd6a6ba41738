// Package parser reads the statements that Millstream itself carries out.
//
// A client's text goes through three steps. [Split] cuts it into statements at
// the semicolons. [Parse] turns one statement into a [Statement]: a tree of our
// own for CREATE SOURCE, CREATE MATERIALIZED VIEW, DROP, SHOW, SET, BEGIN and
// their like, or a [Select] that holds the text of a query, which DuckDB's
// parser reads afterwards (package gate judges what comes out of it). [Lex] is
// the step below both: tokens with byte offsets.
//
// The package promises that no text makes it panic, that it works in time
// proportional to the text, and that a text which passes is small and flat
// enough for DuckDB's parser: see the limits in limits.go. Every error is an
// [*Error] with a SQLSTATE and the byte offset of the place at fault.
//
// It also holds the one way in which SQL is generated anywhere: [QuoteIdent]
// and [QuoteLiteral]. It knows nothing of the catalog: whether a source exists
// or an option makes sense is decided by its callers.
package parser
