package query

import (
	"context"
	"fmt"

	"github.com/millstream-db/millstream/engine/backup"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query/parser"
)

// prepareBackup prepares BACKUP TO, which answers with what it has written. In the
// background it answers with nothing, and a notice.
func (s *Session) prepareBackup(st *Statement, t *parser.Backup) {
	st.Columns = []Column{{Name: "directory", Type: "VARCHAR"}, {Name: "epoch", Type: "BIGINT"}, {Name: "rows", Type: "BIGINT"}, {Name: "bytes", Type: "BIGINT"}, {Name: "seconds", Type: "DOUBLE"}}
	var answer func() *Result
	start := s.ddl(st, func(ctx context.Context) ([]string, error) {
		path, allowed := s.db.backups.Place(t.Directory)
		if !allowed {
			return nil, Errorf(CodeInsufficientPrivilege, "BACKUP TO the directory %q is not allowed", t.Directory).
				WithHint("The server's backup_to setting lists the directories in which backups may be made.")
		}
		b, err := backup.Start(s.db.engine, s.db.engine.Jobs(), path, st.SQL)
		if err != nil {
			return nil, err
		}
		if s.background() {
			answer = func() *Result { return &Result{} }
			return []string{fmt.Sprintf("job %d writes a backup in the background: SHOW JOBS shows its progress, millstream.jobs how it ended", b.ID)}, nil
		}
		summary, err := b.Wait(ctx)
		answer = func() *Result { return backupResult(path, &summary) }
		return nil, err
	})
	st.run = func(ctx context.Context, args []any) (*Result, error) {
		done, err := start(ctx, args)
		if err != nil {
			return nil, err
		}
		r := answer()
		r.Columns, r.Tag, r.Notices = st.Columns, st.Tag, done.Notices
		return r, nil
	}
}

func backupResult(path string, s *backup.Summary) *Result {
	text, number := batch.Type{Kind: batch.Varchar}, batch.Type{Kind: batch.BigInt}
	b := batch.NewBuilder(batch.NewAllocator(), batch.NewSchema([]batch.Column{
		{Name: "directory", Type: text}, {Name: "epoch", Type: number}, {Name: "rows", Type: number}, {Name: "bytes", Type: number}, {Name: "seconds", Type: batch.Type{Kind: batch.Double}},
	}))
	b.Column(0).AppendString(path)
	for i, n := range []int64{int64(s.Epoch), s.Rows, s.Bytes} {
		b.Column(1 + i).AppendInt64(n)
	}
	b.Column(4).AppendFloat64(s.Duration.Seconds())
	return oneBatch(b.Finish())
}
