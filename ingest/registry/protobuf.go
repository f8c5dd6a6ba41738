package registry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
	"github.com/millstream-db/millstream/ingest/protobuf"
)

// Protobuf is the Format of Protobuf messages. Between the schema's id and the datum
// stands which of the schema's messages it is: the number of indexes and the indexes,
// of the message in the file, and of those in one another, as zigzag varints; a
// single 0 is short for the first message.
type Protobuf struct {
	// Message is the full name of the message that the records of a file's schema
	// are, and that columns are taken from, "" if the schema declares only one.
	Message string
}

func (Protobuf) kind() sr.SchemaType { return sr.TypeProtobuf }

func (Protobuf) name() string { return "a Protobuf" }

func (Protobuf) parse(text string, references []reference) (schema, error) {
	s, err := protobuf.ParseSchema(text, func(path string) (string, error) {
		for _, r := range references {
			if r.name == path {
				return r.text, nil
			}
		}
		return "", fs.ErrNotExist
	})
	return protobufSchema{s}, err
}

func (f Protobuf) chosen(s schema) (message int, err error) {
	return s.(protobufSchema).schema.Named(f.Message)
}

// parseFile looks for the files that are imported beside the one at path.
func (f Protobuf) parseFile(path, text string) (s schema, message int, err error) {
	left := referencesMax
	parsed, err := protobuf.ParseSchema(text, func(imported string) (string, error) {
		if !filepath.IsLocal(imported) || filepath.Ext(imported) != ".proto" {
			return "", fs.ErrNotExist
		}
		if left--; left < 0 {
			return "", fmt.Errorf("more than %d files are imported", referencesMax)
		}
		return readText(filepath.Join(filepath.Dir(path), filepath.FromSlash(imported)))
	})
	if err == nil {
		message, err = parsed.Named(f.Message)
	}
	return protobufSchema{parsed}, message, err
}

type protobufSchema struct{ schema *protobuf.Schema }

var errNoMessage = errors.New("the record does not name its message: it ends in the indexes behind the schema's id")

func (s protobufSchema) split(framed []byte) (message int, datum []byte, err error) {
	if len(framed) > 0 && framed[0] == 0 {
		return 0, framed[1:], nil
	}
	count, n := binary.Varint(framed)
	if n <= 0 {
		return 0, nil, errNoMessage
	}
	message, datum = -1, framed[n:]
	switch {
	case count < 0:
		return 0, nil, fmt.Errorf("the record does not name its message: it has %d indexes behind the schema's id", count)
	case count == 0: // in more bytes than it needs
		return 0, datum, nil
	}
	for range count {
		index, n := binary.Varint(datum)
		if n <= 0 {
			return 0, nil, errNoMessage
		}
		inner, ok := s.schema.Nested(message, int(index))
		switch {
		case !ok && message < 0:
			return 0, nil, fmt.Errorf("the schema has no message %d, which the record says it is", index)
		case !ok:
			return 0, nil, fmt.Errorf("message %s has no message %d in it, which the record says it is", s.schema.Name(message), index)
		}
		message, datum = inner, datum[n:]
	}
	return message, datum, nil
}

func (s protobufSchema) compile(message int, table *batch.Schema, limits decode.Limits) (decoder, error) {
	return protobuf.Compile(s.schema, message, table, limits)
}

func (s protobufSchema) propose(message int, table *batch.Schema, p *decode.Proposal) {
	protobuf.Propose(s.schema, message, table, p)
}

func (s protobufSchema) title(message int) string { return s.schema.Name(message) }
