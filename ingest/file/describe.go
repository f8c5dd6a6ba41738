package file

import (
	"context"
	"fmt"
	"os"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
)

var _ source.Describer = (*Connector)(nil)

// Describe returns the columns of the first of a source's files, by its name, which has
// a schema if it is Parquet. Other files don't say what their columns are.
func (c *Connector) Describe(ctx context.Context, spec source.Spec) (source.Description, error) {
	s, err := readSettings(spec)
	if err != nil {
		return source.Description{}, err
	}
	path, err := c.first(s)
	if err != nil {
		return source.Description{}, err
	}
	if format, _, err := s.format(path); err != nil || format != formatParquet {
		return source.Description{}, source.ErrUndescribed
	}
	columns, err := spec.Parquet.Columns(ctx, path)
	if err != nil {
		return source.Description{}, fmt.Errorf("file %s: %w", path, err)
	}
	p := decode.ProposalFor(batch.NewSchema(nil))
	for _, column := range columns {
		p.Add(column.Name, column.Type)
	}
	return source.Description{From: "file " + path, Columns: p.Columns, Omitted: p.Omitted}, nil
}

// first returns the path of the file that is read first.
func (c *Connector) first(s settings) (string, error) {
	dirs, err := directories(c.opts.Directories).real()
	if err != nil {
		return "", err
	}
	paths, err := dirs.glob(s.pattern)
	if err != nil {
		return "", err
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", fmt.Errorf("no file has a name as path '%s' says: %w", s.pattern, source.ErrNothingToDescribe)
}
