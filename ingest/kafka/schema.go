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

// The options of ENCODE AVRO (…) and ENCODE PROTOBUF (…).
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

// schemaPlace reads the options of ENCODE AVRO (…) or ENCODE PROTOBUF (…).
func (o *optionReader) schemaPlace(encode string) schemaPlace {
	p := schemaPlace{format: registry.Avro{}}
	location, registries := o.text(optLocation, ""), o.text(optRegistry, "")
	if encode == "PROTOBUF" {
		p.format = registry.Protobuf{Message: o.text(optMessage, "")}
	}
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
	return registry.NewFile(p.file, p.format, spec.Schema, limitsOf(spec)).Fetch(context.Background(), nil)
}

// schemas finds what records were written with, and decodes them by it. A record
// that awaits a schema must not be decoded before that was fetched.
type schemas interface {
	Awaits(value []byte) bool
	Fetch(ctx context.Context, value []byte) error
	Decode(value []byte, b *batch.Builder) error
	Close()
}

// openSchemas returns the schemas of the source's records, or nil if the records
// need none.
func openSchemas(e encoding, spec source.Spec) (schemas, error) {
	switch p := e.schemas; {
	case p.format == nil:
		return nil, nil
	case p.file != "":
		return registry.NewFile(p.file, p.format, spec.Schema, limitsOf(spec)), nil
	}
	client, err := registry.New(e.schemas.registry)
	if err != nil {
		return nil, err
	}
	framed := registry.NewFramed(client, e.schemas.format, spec.Schema, limitsOf(spec))
	if e.schemas.evolution != ignoreFields {
		framed.RefuseNewFields(spec.Schema)
	}
	return framed, nil
}

// firstPause is the time between the first two attempts to fetch a schema; each
// next one is twice as long, up to two health intervals.
const firstPause = 100 * time.Millisecond

// awaits reports whether a schema has to be fetched before the record.
func (r *reader) awaits(record *kgo.Record) bool {
	return r.schemas != nil && !record.Attrs.IsControl() && r.schemas.Awaits(record.Value)
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
		err := r.schemas.Fetch(ctx, record.Value)
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

// grow does what schema.evolution says about fields without a column. It never
// returns nil: when the source has grown, the reader is closing.
func (r *reader) grow(ctx context.Context, more *registry.NewFieldsError) error {
	if r.settings.encoding.schemas.evolution == refuseFields || r.spec.Grow == nil {
		return fmt.Errorf("%w; add them to the source, or set %s to '%s' or '%s'", more, optEvolution, addColumns, ignoreFields)
	}
	r.logger.Info("source grows", "schema", more.Schema, "columns", len(more.Columns))
	if err := r.spec.Grow(ctx, more.Columns); err != nil {
		return fmt.Errorf("add columns for %s: %w", more.Schema, err)
	}
	return fmt.Errorf("%s has brought columns, with which the source is about to be read", more.Schema)
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
	return errors.As(err, &refused) || errors.As(err, &more) || errors.Is(err, registry.ErrUnknownID) || errors.Is(err, registry.ErrOtherFormat)
}
