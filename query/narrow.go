package query

import (
	"context"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/query/binder"
	"github.com/millstream-db/millstream/query/narrow"
)

// narrow returns what has a read give the query only what it needs.
func (q *selectQuery) narrow(r *engine.Read, args []any) *narrow.Finder {
	return &narrow.Finder{
		Reads: q.reads, Args: args, Read: r, Definition: q.s.db.engine.Definition,
		Zone: q.s.settings.Get("timezone"), Deserialize: q.s.db.deserialize,
	}
}

func (db *DB) deserialize(ctx context.Context, tree []byte) (sql string, err error) {
	err = db.binders.With(func(b *binder.Binder) error {
		sql, err = b.Deserialize(ctx, tree)
		return err
	})
	return sql, err
}

func (db *DB) serialize(sql string) (tree []byte, err error) {
	err = db.binders.With(func(b *binder.Binder) error {
		tree, err = b.Serialize(context.Background(), sql)
		return err
	})
	return tree, err
}
