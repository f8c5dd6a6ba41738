package file

import (
	"fmt"

	"github.com/millstream-db/millstream/engine/source"
)

// Connector opens readers of files. It is safe for concurrent use.
type Connector struct{ opts Options }

var _ source.Connector = (*Connector)(nil)

// New returns a connector.
func New(opts Options) *Connector { return &Connector{opts.withDefaults()} }

// Validate checks a source's options, and that its files are where they may be.
func (c *Connector) Validate(spec source.Spec) error {
	s, err := readSettings(spec)
	if err != nil {
		return err
	}
	dirs, err := directories(c.opts.Directories).real()
	if err == nil {
		_, err = dirs.patterns(s.pattern)
	}
	return err
}

// Open starts a reader, which goes on in the files of start.
func (c *Connector) Open(spec source.Spec, start []source.Position, sink source.Sink) (source.Reader, error) {
	s, err := readSettings(spec)
	if err != nil {
		return nil, fmt.Errorf("open source %s: %w", spec.Name, err)
	}
	spec = spec.WithDefaults()
	r, err := newReader(c.opts, s, spec, start, sink)
	if err != nil {
		return nil, fmt.Errorf("open source %s: %w", spec.Name, err)
	}
	return r, nil
}
