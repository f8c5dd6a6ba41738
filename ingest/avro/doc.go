// Package avro turns the bytes of one Avro record into one row of typed columns.
//
// The nouns: a [Schema] is what a record was written with; a [Decoder] is a
// schema compiled for the columns of a table, a list of steps that read one
// field each, in the order of the record, straight into a batch.Builder; an
// [Envelope] finds the rows in records of Debezium's, which are decoded so then.
//
// A field belongs to the column of its name, or else of its name in another
// letter case, or else of one of its aliases. Fields that no column wants are
// passed over, columns without a field are NULL. What can never be right is
// refused when a schema is compiled, once, with the names of column, field and
// types: a narrower type, another family of types. Wider is fine: int to BIGINT,
// HUGEINT, DECIMAL or DOUBLE; bytes and strings to one another; enums to VARCHAR.
// A record goes to a STRUCT, field by field in the same way, an array to a list, a map
// to a MAP. A JSON column takes everything, and a VARCHAR a union of several types.
//
// It promises what package decode promises: a record either becomes exactly one
// value in every column, or leaves the builder as it was, with an error of one
// line that says which column is wrong. Lengths and counts in a record are never
// believed beyond what the record holds, depth is bounded, and of what no column
// wants only the bounds are checked. Decoders allocate nothing per record but
// for decimals beyond 64 bits inside JSON.
//
// In JSON, decimals are numbers; bytes are base64; dates, times and timestamps
// are ISO 8601, durations too; a union is its value, without the name of its
// branch; and what is no number in JSON is the string "NaN", "Infinity" or
// "-Infinity".
//
// It knows nothing of registries: package registry finds the schema.
package avro
