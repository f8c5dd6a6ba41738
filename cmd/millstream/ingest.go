package main

import (
	"context"
	"errors"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/receipt"
	"github.com/millstream-db/millstream/ingest/push"
	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/server/httpapi"
)

// Push decodes what a request brings and hands it to the database.
func (d httpDatabase) Push(ctx context.Context, p httpapi.Push) (httpapi.Pushed, error) {
	r, err := d.w.db.Push(ctx, d.sessionOptions(p.Role), p.Source, receipt.Request{Key: p.Key, Digest: p.Digest},
		func(def *catalog.SourceDefinition) (*batch.Batch, error) {
			b, err := d.w.push.Decode(def.Name, p.MediaType, p.Body)
			var bad *push.BodyError
			switch {
			case errors.Is(err, push.ErrClosed):
				return nil, engine.ErrChanged
			case errors.As(err, &bad):
				return nil, query.Errorf(query.CodeInvalidText, "%v", err).WithHint("Nothing of it was taken.")
			}
			return b, err
		})
	return httpapi.Pushed{Accepted: r.Accepted, Rejected: r.Rejected, Repeated: r.Repeated}, err
}

// sessionOptions are those of a request's session, with default settings.
func (d httpDatabase) sessionOptions(role string) query.SessionOptions {
	return query.SessionOptions{User: role, LoggedIn: d.w.doors.authenticator != nil}
}
