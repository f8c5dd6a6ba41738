package kafka

import (
	"errors"
	"fmt"

	"github.com/millstream-db/millstream/engine/source"
)

// Connector opens readers of Kafka topics. It is safe for concurrent use.
type Connector struct{ opts Options }

var _ source.Connector = (*Connector)(nil)

// New returns a connector.
func New(opts Options) *Connector { return &Connector{opts.withDefaults()} }

// Validate checks a source's options without touching the network. Certificates,
// keys and a schema's file are read, so that a wrong path is found here. It returns all problems.
func (c *Connector) Validate(spec source.Spec) error {
	s, err := readSettings(spec)
	return errors.Join(err, s.encoding.schemas.check(spec))
}

// Open starts a reader that continues at start, and for a source without any
// stored position where its scan.startup.mode says. It returns at once.
func (c *Connector) Open(spec source.Spec, start []source.Position, sink source.Sink) (source.Reader, error) {
	s, err := readSettings(spec)
	if err != nil {
		return nil, fmt.Errorf("open source %s: %w", spec.Name, err)
	}
	spec = spec.WithDefaults()
	known, err := openSchemas(s.encoding, spec)
	if err != nil {
		return nil, fmt.Errorf("open source %s: %w", spec.Name, err)
	}
	r, err := newReader(c.opts, s, spec, newDecoder(spec, s.encoding, known), known, start, sink)
	if err != nil {
		return nil, fmt.Errorf("open source %s: %w", spec.Name, err)
	}
	return r, nil
}
