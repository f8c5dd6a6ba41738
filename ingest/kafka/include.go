package kafka

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
	"github.com/millstream-db/millstream/ingest/jsontext"
)

// included is a column that is another part of records than their values' fields.
type included struct {
	source.Included
	at   int          // the builder's
	text *decode.Text // reads what has a text
}

// include returns the columns that come from records, and those of them that are
// other parts.
func include(spec source.Spec) (*batch.Schema, []included) {
	if len(spec.Included) == 0 {
		return spec.Schema, nil
	}
	columns := append([]batch.Column(nil), spec.Schema.Columns...)
	var parts []included
	for _, c := range spec.Included {
		parts = append(parts, included{Included: c, at: len(columns)})
		columns = append(columns, c.Column)
	}
	schema := batch.NewSchema(columns)
	for i := range parts {
		if parts[i].Part != source.Key {
			parts[i].text = decode.NewTextColumn(schema, parts[i].at, limitsOf(spec))
		}
	}
	return schema, parts
}

// include appends the parts of a record whose columns were appended already. After
// an error nothing of the record is left.
func (t *batcher) include(r *kgo.Record, deleted bool) error {
	if len(t.included) == 0 {
		return nil
	}
	rows := t.builder.Column(t.included[0].at).Len()
	if err := t.includeKey(r); err != nil {
		t.builder.Truncate(rows)
		return err
	}
	for i := range t.included {
		c := &t.included[i]
		b := t.builder.Column(c.at)
		if c.Part == source.Key {
			continue
		}
		if deleted {
			b.AppendNull()
			continue
		}
		part := r.Value
		switch c.Part {
		case source.Headers:
			t.headers = appendHeaders(t.headers[:0], r.Headers)
			t.raw += int64(len(t.headers))
			b.AppendBytes(t.headers)
			continue
		case source.Header:
			part = headerOf(r, c.PartName)
		}
		t.raw += int64(len(part)) // a column must not outgrow a batch
		switch {
		case part == nil:
			b.AppendNull()
		case c.Type.Kind == batch.Blob:
			b.AppendBytes(part)
		default:
			if err := c.text.Decode(part, t.builder); err != nil {
				t.builder.Truncate(rows)
				return fmt.Errorf("%s: %w", c.Part, err)
			}
		}
	}
	return nil
}

// appendHeaders appends headers as a JSON array of objects, in their order: key and
// value, or base64 in place of value for what is no text.
func appendHeaders(dst []byte, headers []kgo.RecordHeader) []byte {
	dst = append(dst, '[')
	for i, h := range headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jsontext.AppendString(append(dst, `{"key":`...), []byte(strings.ToValidUTF8(h.Key, "\ufffd")))
		switch {
		case h.Value == nil:
			dst = append(dst, `,"value":null}`...)
		case utf8.Valid(h.Value):
			dst = append(jsontext.AppendString(append(dst, `,"value":`...), h.Value), '}')
		default:
			dst = append(base64.StdEncoding.AppendEncode(append(dst, `,"base64":"`...), h.Value), `"}`...)
		}
	}
	return append(dst, ']')
}
