package kafka

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
	"github.com/millstream-db/millstream/ingest/registry"
)

// The options of ENCODE AVRO (…), ENCODE PROTOBUF (…) and, with a registry, ENCODE
// JSON (…).
const (
	optRegistry            = "schema.registry"
	optRegistryUsername    = "schema.registry.username"
	optRegistryPassword    = "schema.registry.password"
	optRegistryToken       = "schema.registry.token"
	optRegistryCA          = "schema.registry.ssl.ca.location"
	optRegistryCertificate = "schema.registry.ssl.certificate.location"
	optRegistryKey         = "schema.registry.ssl.key.location"
	optSubject             = "schema.registry.subject" // that columns are taken from
	optEvolution           = "schema.evolution"
	optLocation            = "schema.location"
	optMessage             = "message" // of PROTOBUF
)

var (
	registryOptions = []string{optRegistryUsername, optRegistryPassword, optRegistryToken, optRegistryCA, optRegistryCertificate, optRegistryKey, optSubject, optEvolution}
	avroOptions     = slices.Sorted(slices.Values(append([]string{optRegistry, optLocation}, registryOptions...)))
	protobufOptions = slices.Sorted(slices.Values(append([]string{optMessage}, avroOptions...)))
)

// evolution says what happens when a schema has a field for which the source has no
// column.
type evolution string

const (
	ignoreFields evolution = "ignore" // they are passed over
	refuseFields evolution = "refuse" // the source stalls
	addColumns   evolution = "add"    // the source gets columns for them
)

// schemaPlace says where the schemas of a source's records are. It is never
// printed: it holds a password.
type schemaPlace struct {
	format   registry.Format // nil: the source's records need no schema
	file     string          // "": a registry
	registry registry.Options
	subject  string // "": the topic's

	evolution evolution // with a registry
}

// schemaPlace reads the options of ENCODE … (…) of records that have schemas of a
// format.
func (o *optionReader) schemaPlace(encode string, format registry.Format) schemaPlace {
	p := schemaPlace{format: format}
	location, registries := o.text(optLocation, ""), o.text(optRegistry, "")
	switch {
	case location == "" && registries == "":
		o.problem("ENCODE %s needs %s, the address of a schema registry, or %s, the file of the records' schema", encode, optRegistry, optLocation)
	case location != "" && registries != "":
		o.problem("%s and %s exclude each other: records of a registry begin with the id of their schema, others do not", optRegistry, optLocation)
	case location != "":
		if path, ok := strings.CutPrefix(location, "file://"); ok && strings.HasPrefix(path, "/") {
			p.file = path
		} else {
			o.problem("%s must be 'file:///…', an absolute path, not '%s'", optLocation, location)
		}
		for _, name := range registryOptions {
			if o.has(name) {
				o.problem("%s needs %s", name, optRegistry)
			}
		}
	default:
		p.registry, p.subject = o.registry(registries), o.text(optSubject, "")
		p.evolution = evolution(o.choice(optEvolution, string(ignoreFields), string(refuseFields), string(addColumns)))
	}
	return p
}

// registry reads how to ask a registry. It quotes no address: there may be a
// password in it.
func (o *optionReader) registry(addresses string) registry.Options {
	r := registry.Options{Username: o.text(optRegistryUsername, ""), Password: o.options[optRegistryPassword], Token: o.text(optRegistryToken, "")}
	secure := true
	for address := range strings.SplitSeq(addresses, ",") {
		u, err := url.Parse(strings.TrimSpace(address))
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			o.problem("%s must be http://host:port or https://host:port, several separated by commas", optRegistry)
			return r
		}
		if u.User != nil && o.has(optRegistryUsername) {
			o.problem("%s has a user in its address, and so has %s: give one of them", optRegistry, optRegistryUsername)
		} else if u.User != nil {
			r.Username = u.User.Username()
			r.Password, _ = u.User.Password()
		}
		u.User = nil
		secure = secure && u.Scheme == "https"
		r.URLs = append(r.URLs, u.String())
	}
	if (r.Username == "") != (r.Password == "") {
		o.problem("%s and %s need each other", optRegistryUsername, optRegistryPassword)
	}
	if r.Username != "" && r.Token != "" {
		o.problem("%s and %s exclude each other", optRegistryUsername, optRegistryToken)
	}
	names := []string{optRegistryCA, optRegistryCertificate, optRegistryKey}
	if slices.ContainsFunc(names, o.has) {
		if !secure {
			o.problem("%s.ssl.… needs https:// in %s", optRegistry, optRegistry)
		}
		r.TLS = o.trust(optRegistryCA, optRegistryCertificate, optRegistryKey)
	}
	return r
}

// check reads the file of the schema, which is at hand when a source is created.
// A registry is not asked: that it is down is no reason to refuse a source.
func (p schemaPlace) check(spec source.Spec) error {
	if p.file == "" {
		return nil
	}
	columns := spec.Schema
	if len(spec.Key) > 0 {
		columns = decode.Pick(spec.Schema, decode.Others(spec.Schema, spec.Key))
	}
	return registry.NewFile(p.file, p.format, columns, limitsOf(spec)).Fetch(context.Background(), nil, nil)
}

// schemas are what the keys and the values of records were written with.
type schemas struct {
	value schemaReader
	keys  []schemaReader // of the primary key, or of columns of INCLUDE key; nil: they need none
}

// schemaReader finds what keys or values were written with, and decodes them by it.
// One that awaits a schema must not be decoded before that was fetched. The header
// is the record's that names the schema, nil if there is none.
type schemaReader interface {
	Awaits(header, part []byte) bool
	Fetch(ctx context.Context, header, part []byte) error
	Decode(header, part []byte, b *batch.Builder) error
	Into(at []int)
	Close()
}

// openSchemas returns the schemas of the source's records, or nil if the records
// need none.
func openSchemas(e encoding, spec source.Spec) (*schemas, error) {
	p := e.schemas
	if p.format == nil {
		return nil, nil
	}
	columns, at := spec.Schema, []int(nil)
	if e.format == "DEBEZIUM" {
		p.format = registry.Debezium{Primary: spec.Key}
	} else if len(spec.Key) > 0 {
		at = decode.Others(spec.Schema, spec.Key)
		columns = decode.Pick(spec.Schema, at)
	}
	s := &schemas{}
	if p.file != "" {
		s.value = registry.NewFile(p.file, p.format, columns, limitsOf(spec))
	} else {
		client, err := registry.New(p.registry)
		if err != nil {
			return nil, err
		}
		framed := registry.NewFramed(client, p.format, columns, limitsOf(spec))
		if p.evolution != ignoreFields {
			framed.RefuseNewFields(spec.Schema)
		}
		if p.evolution == addColumns {
			framed.ProposeWider()
		}
		s.value = framed
		if e.key.format != nil {
			for _, k := range keysOf(spec) {
				key := registry.NewFramed(client, k.format(e.key.format), k.columns, limitsOf(spec))
				key.Into(k.at)
				s.keys = append(s.keys, key)
			}
		}
	}
	if at != nil {
		s.value.Into(at)
	}
	return s, nil
}

// headerOf returns the last header of a name, nil if there is none.
func headerOf(r *kgo.Record, name string) []byte {
	for i := len(r.Headers) - 1; i >= 0; i-- {
		if r.Headers[i].Key == name {
			return r.Headers[i].Value
		}
	}
	return nil
}

func (s *schemas) awaits(r *kgo.Record) bool {
	return s.awaitsKey(r) != nil || s.value.Awaits(headerOf(r, registry.ValueHeader), r.Value)
}

// awaitsKey returns who awaits a schema of the record's key, nil if nobody does.
func (s *schemas) awaitsKey(r *kgo.Record) schemaReader {
	if len(s.keys) == 0 || r.Key == nil {
		return nil
	}
	header := headerOf(r, registry.KeyHeader)
	for _, key := range s.keys {
		if key.Awaits(header, r.Key) {
			return key
		}
	}
	return nil
}

// fetch gets what a record awaits.
func (s *schemas) fetch(ctx context.Context, r *kgo.Record) error {
	for key := s.awaitsKey(r); key != nil; key = s.awaitsKey(r) {
		if err := key.Fetch(ctx, headerOf(r, registry.KeyHeader), r.Key); err != nil {
			return fmt.Errorf("key: %w", err)
		}
	}
	if header := headerOf(r, registry.ValueHeader); s.value.Awaits(header, r.Value) {
		return s.value.Fetch(ctx, header, r.Value)
	}
	return nil
}

func (s *schemas) close() {
	s.value.Close()
	for _, key := range s.keys {
		key.Close()
	}
}

// named is a key or a value with the header that names its schema.
type named struct {
	schemaReader
	header []byte
}

// Decode decodes a part whose header was set.
func (n *named) Decode(part []byte, b *batch.Builder) error {
	return n.schemaReader.Decode(n.header, part, b)
}

// decoder returns a decoder by the schemas.
func (s *schemas) decoder(spec source.Spec, e encoding) decoder {
	if len(spec.Key) == 0 {
		return func(r *kgo.Record, b *batch.Builder) (bool, error) {
			if r.Value == nil {
				return false, errNoValue
			}
			return false, s.value.Decode(headerOf(r, registry.ValueHeader), r.Value, b)
		}
	}
	value, key := &named{schemaReader: s.value}, &named{}
	keys := decode.Rows(key)
	if len(s.keys) > 0 {
		key.schemaReader = s.keys[0]
	} else {
		keys = decode.NewKey(spec.Schema, spec.Key, e.key.plain, e.json, limitsOf(spec))
	}
	rows := decode.NewKeyed(spec.Schema, spec.Key, keys, value)
	changes, ok := s.value.(*registry.Framed)
	if e.format != "DEBEZIUM" || !ok {
		return func(r *kgo.Record, b *batch.Builder) (bool, error) {
			key.header, value.header = headerOf(r, registry.KeyHeader), headerOf(r, registry.ValueHeader)
			return rows.Decode(r.Key, r.Value, b)
		}
	}
	return func(r *kgo.Record, b *batch.Builder) (bool, error) {
		key.header = headerOf(r, registry.KeyHeader)
		if r.Value == nil {
			return rows.Decode(r.Key, nil, b)
		}
		at := b.Column(spec.Key[0]).Len()
		if r.Key != nil {
			if err := rows.DecodeKey(r.Key, b); err != nil {
				return false, err
			}
		}
		deleted, err := changes.DecodeChange(headerOf(r, registry.ValueHeader), r.Value, r.Key != nil, b)
		if err != nil {
			b.Truncate(at)
		}
		return deleted, err
	}
}

// firstPause is the time between the first two attempts to fetch a schema; each
// next one is twice as long, up to two health intervals.
const firstPause = 100 * time.Millisecond

// awaits reports whether a schema has to be fetched before the record.
func (r *reader) awaits(record *kgo.Record) bool {
	return r.schemas != nil && !record.Attrs.IsControl() && r.schemas.awaits(record)
}

// awaitSchema waits until the schema of the record is known. What was
// decoded before goes to the sink meanwhile, and the record itself is neither
// decoded nor rejected: the partition says why it waits. It returns false when
// the reader is closing.
func (r *reader) awaitSchema(ctx context.Context, p *partition, record *kgo.Record) bool {
	if !r.send(ctx, r.batcher.flush()) {
		return false
	}
	for pause := firstPause; ; pause = min(2*pause, 2*r.opts.HealthInterval) {
		err := r.schemas.fetch(ctx, record)
		var more *registry.NewFieldsError
		if errors.As(err, &more) {
			err = r.grow(ctx, more)
		}
		if ctx.Err() != nil {
			return false
		}
		if err != nil {
			err = fmt.Errorf("topic %s, partition %d, offset %d waits for its schema: %w", r.settings.topic, p.id, record.Offset, err)
		}
		r.waitFor(p, err)
		if err == nil {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// grow does what schema.evolution says about fields that are in no column, or need a
// wider one. It never returns nil: when the source has grown, the reader is closing.
func (r *reader) grow(ctx context.Context, more *registry.NewFieldsError) error {
	if r.settings.encoding.schemas.evolution == refuseFields || r.spec.Grow == nil {
		return fmt.Errorf("%w; add them to the source, or set %s to '%s' or '%s'", more, optEvolution, addColumns, ignoreFields)
	}
	r.logger.Info("source grows", "schema", more.Schema, "columns", len(more.Columns), "wider", more.Wider)
	if err := r.spec.Grow(ctx, more.Columns); err != nil {
		return fmt.Errorf("%s: %w", more, err)
	}
	return fmt.Errorf("%s has changed columns, with which the source is about to be read", more.Schema)
}

// waitFor notes why a partition waits, or that it does not any more.
func (r *reader) waitFor(p *partition, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.waits, p.waitState = "", ""
	if err != nil {
		p.waits, p.waitState = err.Error(), source.Retrying
		if needsDecision(err) {
			p.waitState = source.Stalled
		}
	}
	r.show()
}

// needsDecision reports whether asking again will not help, unless somebody
// changes something.
func needsDecision(err error) bool {
	var refused *decode.RefusedError
	var more *registry.NewFieldsError
	return errors.As(err, &refused) || errors.As(err, &more) || errors.Is(err, source.ErrCannotWiden) || errors.Is(err, registry.ErrUnknownID) || errors.Is(err, registry.ErrOtherFormat)
}
