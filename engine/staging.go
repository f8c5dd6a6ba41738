package engine

import (
	"context"
	"fmt"

	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/hot"
	"github.com/millstream-db/millstream/engine/job"
)

// A view without aggregation is rows, of everything that its source has. While it is built, so
// many bytes of them wait in memory, or a third of what hot rows may take. Then they are staged
// in history, where nobody sees them until the checkpoint that brings the view.
const stageBytes = 64 << 20

// Of a source with so many rows, staging begins before the job reads: as long as a transaction
// is open that is older than a table, DuckDB does not fold the log, and it grows.
const longRows = 500_000

// stageRows moves the view's rows into history if there are many.
func (b *backfill) stageRows(ctx context.Context) error {
	if b.branch.out.rowTable.Charge() < min(stageBytes, b.e.opts.HotBytes/3) {
		return nil
	}
	return b.stage(ctx)
}

// stage moves the view's rows into history, or makes a place for them.
func (b *backfill) stage(ctx context.Context) error {
	e, t := b.e, b.branch.out.rowTable
	bytes := t.Charge()
	rows := &checkpoint.Stage{Table: b.def.HistoryTables()[0], Rows: t.Relation()}
	stage := func(w *checkpoint.Write) { w.Stage, w.Bytes = rows, w.Bytes+bytes }
	b.staged = rows.Table.Name
	var err error
	if b.adopting {
		e.publish() // a commit has an epoch of its own
		err = e.checkpointWith(context.WithoutCancel(ctx), nil, nil, stage)
	} else {
		err = e.commitQuiet(ctx, func(p *pendingCheckpoint) { stage(&p.write) })
	}
	if err != nil {
		return fmt.Errorf("stage rows: %w", err)
	}
	t.Drop(hot.EveryEpoch)
	b.reclaim.Sweep()
	return nil
}

// unstageRows drops what was staged for a view that has not come to be.
func (b *backfill) unstageRows(ended job.State) {
	if b.staged == "" || ended == job.Done {
		return
	}
	// If it fails, a later checkpoint does it, or the next start.
	_ = b.e.commitQuiet(context.Background(), func(p *pendingCheckpoint) {
		b.e.unstaged = append(b.e.unstaged, b.staged)
		p.write.Unstage = b.e.unstaged
	})
}
