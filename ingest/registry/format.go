package registry

import (
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// Format is a kind of schemas, and of the records that are written by them: [Avro],
// [Protobuf] or [JSON].
type Format interface {
	// kind is what the registry calls it, name what a person does.
	kind() sr.SchemaType
	name() string
	// parse reads a schema of the registry. Those that it refers to come first, each
	// behind those that it refers to itself.
	parse(text string, references []reference) (schema, error)
	// chosen returns the message of a schema that a source is about.
	chosen(s schema) (message int, err error)
	// parseFile reads the schema in the file at path, and says which of its messages
	// the records are. Of a text that is no schema at all, which may be one that its
	// reader should not see, the error quotes nothing.
	parseFile(path, text string) (s schema, message int, err error)
}

// reference is a schema by the name that others call it.
type reference struct{ name, text string }

// schema is what a record was written with: one message, or several of which the
// record says behind the schema's id which one it is.
type schema interface {
	// split takes the datum out of what stands behind the schema's id. The error says
	// that the record is wrong.
	split(framed []byte) (message int, datum []byte, err error)
	// compile returns a decoder of a message for the columns of a table, or a
	// *decode.RefusedError.
	compile(message int, table *batch.Schema, limits decode.Limits) (decoder, error)
	// propose adds the columns for a message's fields that have none in table.
	propose(message int, table *batch.Schema, p *decode.Proposal)
	// title names a message.
	title(message int) string
}

// decoder appends the row of a datum, or leaves the builder as it was.
type decoder interface {
	Decode(datum []byte, b *batch.Builder) error
	// Into moves the columns to other indexes of the builders.
	Into(at []int)
}
