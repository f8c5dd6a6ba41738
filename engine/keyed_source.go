package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/dimension"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/hot"
	"github.com/millstream-db/millstream/engine/rowchange"
	"github.com/millstream-db/millstream/engine/view"
)

// A keyed source is a source whose records are changes: the latest row of each
// key is all that is kept. Its hot rows are the changes since the last
// checkpoint, which merges them into a table of the file. A read puts the two
// together, and views join it as they join a table.

// numberChanges returns a column with the numbers of the next n changes.
func (s *liveSource) numberChanges(mem *batch.Allocator, n int64) arrow.RecordBatch {
	b := batch.NewBuilder(mem, batch.NewSchema([]batch.Column{{Name: catalog.NumberColumn, Type: batch.Type{Kind: batch.BigInt}}}))
	for range n {
		s.changes++
		b.Column(0).AppendInt64(s.changes)
	}
	return b.Finish()
}

// checkKeys refuses rows of Append without a key.
func (s *liveSource) checkKeys(rec arrow.RecordBatch) error {
	for _, k := range s.def.DecodedKey() {
		if rec.Column(k).NullN() > 0 {
			return &rowchange.ConstraintError{Table: s.def.Name, Column: s.decoded.Columns[k].Name}
		}
	}
	return nil
}

// merge returns the statements that bring the table in the file up to date.
func (s *liveSource) merge(changes *hot.Relation) (list []checkpoint.Change) {
	if changes.Rows() == 0 {
		return nil
	}
	truncated := false
	for _, rec := range changes.Records() {
		truncated = truncated || rec.Column(s.def.Key[0]).NullN() > 0
	}
	for _, sql := range s.def.MergeSQL("rows", truncated) {
		list = append(list, checkpoint.Change{Table: s.def.Latest().Relation(), SQL: sql, From: changes})
	}
	return list
}

// follow brings what views look up of a keyed source to where its changes are.
func (s *liveSource) follow(ctx context.Context, rec arrow.RecordBatch) error {
	for key, k := range s.copies {
		if k.Unused() { // the views that joined it have gone
			k.Close()
			delete(s.copies, key)
			continue
		}
		failed, err := k.Apply(ctx, rec, s.schema)
		if err != nil {
			return err
		}
		if failed {
			s.errors++
		}
	}
	return nil
}

func (s *liveSource) closeCopies() {
	for _, k := range s.copies {
		k.Close()
	}
	s.copies = nil
}

// latestSQL reads what a join needs of the latest rows of a keyed source: the
// join's keys, its columns, and the primary key.
func (s *liveSource) latestSQL(j *view.Join) string {
	columns := s.def.Schema().Columns
	sql := dimension.ItemsSQL(j)
	for i, k := range s.def.Key {
		sql += fmt.Sprintf(", %s AS p%d", history.Quote(s.def.Columns[k].Name), i)
	}
	return "SELECT " + sql + " FROM (" + s.def.LatestSQL(columns, rowsPrefix+s.def.Name) + ")" + dimension.WhereSQL(j)
}

// latestRows are the changes that the writer has taken. Some of them may be in
// the file that a query sees besides, where they do no harm.
type latestRows struct{ s *liveSource }

func (l latestRows) Relation(string) (duck.Relation, error) {
	return hot.After(l.s.schema, l.s.rowTable.Freeze(), 0, nil), nil
}

// scanLatest reads the latest rows of a keyed source for a join. It runs on the
// writer.
func (e *Engine) scanLatest(ctx context.Context, c *duck.Conn, s *liveSource, j *view.Join, f func(arrow.RecordBatch) error) error {
	schema := dimension.Columns(j)
	for i, k := range s.def.Key {
		schema = append(schema, batch.Column{Name: fmt.Sprint("p", i), Type: s.def.Columns[k].Type})
	}
	return c.Records(ctx, s.latestSQL(j), batch.NewSchema(schema), e.mem, backfillRows, f)
}

// latestCopy returns a copy for a join that stays as it is.
func (e *Engine) latestCopy(ctx context.Context, s *liveSource, j *view.Join) (copied *dimension.Copy, err error) {
	err = e.queryLive(ctx, latestRows{s}, func(c *duck.Conn) (err error) {
		copied, err = e.buildCopy(j, func(_ *batch.Schema, f func(arrow.RecordBatch) error) error {
			return e.scanLatest(ctx, c, s, j, f)
		})
		return err
	})
	return copied, err
}

// sharedCopy returns the copy of a keyed source for a join that all views with
// such a join look up in, and that follows the source. It belongs to the writer.
func (e *Engine) sharedCopy(ctx context.Context, s *liveSource, j *view.Join) (*dimension.Copy, error) {
	key := dimension.ShareKey(j)
	if k := s.copies[key]; k != nil {
		return k.Copy, nil
	}
	var k *dimension.Keyed
	err := e.queryLive(ctx, latestRows{s}, func(c *duck.Conn) (err error) {
		if k, err = dimension.NewKeyed(e.store.DB(), e.mem, j, s.schema, s.def.Key, s.schema.Index(batch.DeletedColumn)); err != nil {
			return err
		}
		if err = e.scanLatest(ctx, c, s, j, k.Load); err != nil {
			k.Close()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("copy source %s: %w", s.def.Name, err)
	}
	if s.copies == nil {
		s.copies = make(map[string]*dimension.Keyed)
	}
	s.copies[key] = k
	return k.Copy, nil
}

// refreshViews gives the views that join a keyed source copies of it anew, after
// its columns have changed.
func (e *Engine) refreshViews(s *liveSource) (err error) {
	for _, v := range e.tableViews(s.def.Name) {
		err = errors.Join(err, e.refresh(context.Background(), v))
	}
	return err
}
