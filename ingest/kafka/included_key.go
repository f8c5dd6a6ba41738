package kafka

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
	"github.com/millstream-db/millstream/ingest/registry"
)

// decodedKey is the columns that a record's key is decoded into: those of a primary
// key, or those of INCLUDE key. A column for a field has the field's name.
type decodedKey struct {
	columns *batch.Schema
	at      []int // the builder's
	whole   bool  // one column for all of the key
}

// keysOf returns the columns of a source that keys are decoded into.
func keysOf(spec source.Spec) []decodedKey {
	if len(spec.Key) > 0 {
		return []decodedKey{{columns: decode.Pick(spec.Schema, spec.Key), at: spec.Key}}
	}
	return includedKeys(spec)
}

// includedKeys returns the columns of INCLUDE key: those of fields together, which one
// pass over the key finds, and each one that is the whole key.
func includedKeys(spec source.Spec) (keys []decodedKey) {
	if spec.Schema == nil {
		return nil
	}
	var fields []batch.Column
	var at []int
	for i, c := range spec.Included {
		column := len(spec.Schema.Columns) + i
		switch {
		case c.Part != source.Key:
		case c.PartName == "":
			keys = append(keys, decodedKey{columns: batch.NewSchema([]batch.Column{c.Column}), at: []int{column}, whole: true})
		default:
			fields = append(fields, batch.Column{Name: c.PartName, Type: c.Type})
			at = append(at, column)
		}
	}
	if fields != nil {
		keys = append(keys, decodedKey{columns: batch.NewSchema(fields), at: at})
	}
	return keys
}

// format returns what decodes keys of a format into these columns.
func (k decodedKey) format(f registry.Format) registry.Format {
	if _, ok := f.(registry.Avro); ok && (k.whole || len(k.at) == 1) {
		return registry.Avro{Column: k.columns.Columns[0].Name, Whole: k.whole}
	}
	return f
}

// keyColumns decodes keys into columns of INCLUDE key. It is not safe for concurrent
// use.
type keyColumns struct {
	at     []int // the builder's
	decode func(r *kgo.Record, b *batch.Builder) error
}

// newKeyColumns returns the decoders of columns of INCLUDE key. known is nil unless
// the source's records need schemas.
func newKeyColumns(spec source.Spec, e encoding, known *schemas) (all []keyColumns) {
	options := e.json
	options.Paths = nil // of values
	for i, k := range includedKeys(spec) {
		c := keyColumns{at: k.at}
		switch {
		case known != nil && known.keys != nil:
			reader := known.keys[i]
			c.decode = func(r *kgo.Record, b *batch.Builder) error {
				return reader.Decode(headerOf(r, registry.KeyHeader), r.Key, b)
			}
		case k.whole:
			key := decode.NewKey(k.columns, []int{0}, decode.KeyValue, options, limitsOf(spec))
			key.Into(k.at)
			c.decode = func(r *kgo.Record, b *batch.Builder) error { return key.Decode(r.Key, b) }
		default:
			key := decode.NewJSONWith(k.columns, options, limitsOf(spec))
			key.Into(k.at)
			c.decode = func(r *kgo.Record, b *batch.Builder) error { return key.Decode(r.Key, b) }
		}
		all = append(all, c)
	}
	return all
}

// includeKey appends a record's key to the columns of INCLUDE key: NULL, if it has
// none. After an error some of them may have a value more than others.
func (t *batcher) includeKey(r *kgo.Record) error {
	for _, c := range t.keyColumns {
		if r.Key == nil {
			decode.AppendNulls(t.builder, c.at)
			continue
		}
		t.raw += int64(len(r.Key))
		if err := c.decode(r, t.builder); err != nil {
			return fmt.Errorf("key: %w", err)
		}
	}
	return nil
}
