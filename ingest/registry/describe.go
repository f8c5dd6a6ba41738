package registry

import (
	"context"
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
)

// latest is the version of a subject that was registered last.
const latest = -1

// Describe returns the columns for the latest schema of a subject.
func (c *Client) Describe(ctx context.Context, subject string, format Format) (source.Description, error) {
	fail := func(err error) (source.Description, error) {
		return source.Description{}, fmt.Errorf("schema registry %s: subject %s: %w", c.urls, subject, err)
	}
	s, err := c.client.SchemaByVersion(ctx, subject, latest)
	if err != nil {
		return fail(answered(err))
	}
	parsed, err := c.parse(ctx, s.Schema, format)
	if err != nil {
		return fail(err)
	}
	message, err := format.chosen(parsed)
	if err != nil {
		return fail(err)
	}
	d := described(parsed, message)
	d.From = fmt.Sprintf("schema %d (%s), version %d of subject %s", s.ID, parsed.title(message), s.Version, subject)
	return d, nil
}

// DescribeFile returns the columns for the schema in the file at path.
func DescribeFile(path string, format Format) (source.Description, error) {
	s, message, err := readSchema(path, format)
	if err != nil {
		return source.Description{}, err
	}
	d := described(s, message)
	d.From = fmt.Sprintf("schema file %s (%s)", path, s.title(message))
	return d, nil
}

func described(s schema, message int) source.Description {
	var p decode.Proposal
	s.propose(message, batch.NewSchema(nil), &p)
	return source.Description{Columns: p.Columns, Omitted: p.Omitted}
}
