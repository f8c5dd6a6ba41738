// Package protobuf turns the bytes of one Protobuf message into one row of typed
// columns.
//
// The nouns: a [Schema] is a .proto file, its imports included, and the messages
// that it declares; a [Decoder] is one of them compiled for the columns of a table:
// a table of steps by field number that note where the values of a record are, and
// then append them to a batch.Builder, one column each.
//
// A field belongs to the column of its name, or else of its name in another letter
// case, or else of its JSON name. Fields that no column wants, or that the schema
// does not know, are passed over; columns without a field are NULL. What can
// never be right is refused when a schema is compiled, once, with the names of column,
// field and types: a narrower type, another family of types. Wider is fine: int32 to
// BIGINT, HUGEINT, DECIMAL or DOUBLE; bytes and strings to one another; enums to
// VARCHAR, or as numbers to integers. A message goes to a STRUCT, field by field in the
// same way, a repeated field to a list, a map to a MAP. A JSON column takes everything.
//
// A field that is not in the record is NULL if its absence can be told from its
// default (optional, members of a oneof, messages, everything of proto2), and has
// its type's zero otherwise: 0, "", [], {}. The defaults that proto2 declares are not
// made up, nor are required fields asked for. Fields that come twice are what Protobuf
// says: the last one counts, lists grow, messages are merged.
//
// It promises what package decode promises: a record either becomes exactly one
// value in every column, or leaves the builder as it was, with an error of one line
// that says which column is wrong. Lengths in a record are never believed beyond what
// the record holds, depth is bounded, and of what no column wants only the bounds are
// checked. Decoders allocate nothing per record once their buffers have grown, but
// for decimals beyond 64 bits inside JSON.
//
// JSON is Protobuf's, with the conventions of package avro: fields have the names
// that the schema gives them, 64-bit integers and decimals are numbers, bytes are
// base64, timestamps and durations are ISO 8601, and what is no number in JSON is the
// string "NaN", "Infinity" or "-Infinity". Fields that are absent are left out, those
// with a zero are not. The keys of a map are sorted.
//
// It knows nothing of registries: package registry finds the schema.
package protobuf
