// Package decode turns the bytes of one record into one row of typed columns.
//
// The nouns: a [JSON] decodes JSON objects into a batch.Builder, directed by
// the declared columns of a source, each by its [Path] and its [Meaning]; a [Keyed]
// takes some of them from the record's key, which a [Key] decodes; a [Debezium]
// takes rows out of envelopes that say what has become of them; a [CSV] decodes
// lines of separated values, a [Text] and a [Bytes] take the whole record as one
// value; [Limits] bound what one record may cost; [ColumnsOf] and a [RefusedError]
// are for decoders of records that have a schema; [Fields] finds what a record has
// before there are columns, and a [Proposal] are the columns that it could have; the
// Parse functions read one SQL value from text and are what decoders (and whoever
// else is handed a value as text) use for strings.
//
// Objects and arrays become structs, lists and maps where columns are declared so, by
// the rules of the record itself, or stay the text that they are in a JSON column.
//
// It promises that a record either becomes exactly one value in every declared
// column or leaves the builder as it was, with an error that says in one line,
// to a person who reads a table of rejected records, which column and which
// bytes were wrong. A decoder validates the whole record, the parts that no
// column wants included: what it accepts is valid JSON, or a line of just as many fields
// as there are columns, in valid UTF-8.
//
// It does not read from Kafka, does not keep rejected records, and knows no
// schema but the one it was made for. Decoders work in place, on the record's
// own bytes, and allocate nothing per record once their buffers have grown.
package decode
