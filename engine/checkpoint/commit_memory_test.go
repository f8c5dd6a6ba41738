package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/reopen"
)

// tight is a store whose commits may find DuckDB's memory full, and who looks at it meanwhile.
type tight struct {
	*Store
	t       *testing.T
	epoch   int64
	rows    atomic.Int64 // that are durable
	next    atomic.Int64 // and that may be
	blocks  int64        // beyond what DuckDB holds on to, for the next COMMIT; negative: enough
	looks   atomic.Int64
	refused atomic.Int64
	end     func()
}

const (
	enough    = "SET memory_limit = '1GB'"
	halfBlock = 128 << 10
)

func openTight(t *testing.T) *tight {
	s := &tight{Store: open(t, t.TempDir()), t: t, blocks: -1}
	reopener := reopen.Start(s.db, func(*duck.Conn) error { s.Reopened(); return nil }, slog.New(slog.DiscardHandler))
	s.end = func() {
		reopener.Hurry()
		reopener.Close()
		s.Close()
	}
	undisturbed := s.commit
	s.commit = func(ctx context.Context) error {
		if s.blocks >= 0 {
			s.limit()
		}
		err := undisturbed(ctx)
		if c, err := s.db.Conn(); err == nil { // else another instance has it
			_ = c.Exec(ctx, enough)
			c.Close()
		}
		return err
	}
	return s
}

// limit leaves DuckDB what it can't give up, and the blocks.
func (s *tight) limit() {
	c, err := s.db.Conn()
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	limit := int64(halfBlock)
	set := func() error { return c.Exec(ctx, fmt.Sprintf("SET memory_limit = '%dB'", limit)) }
	for set() != nil {
		limit += halfBlock
	}
	for limit += s.blocks * halfBlock; set() != nil; { // for which it may have no memory, either
		limit += halfBlock
	}
}

// commitRows commits so many rows.
func (s *tight) commitRows(n int64) error {
	s.epoch++
	w := write(s.t, s.epoch)
	w.Rows[0].From = nil
	w.Rows[0].SQL = fmt.Sprintf("SELECT i, 'note ' || (i * 7777777 %% 1000003) || ' of row ' || i FROM range(%d, %d) t(i)", s.rows.Load(), s.rows.Load()+n)
	if s.epoch == 1 {
		w.Tables = []history.Table{{Name: table.Name, Columns: []batch.Column{{Name: "n", Type: bigint}, {Name: "note", Type: batch.Type{Kind: batch.Varchar}}}}}
	}
	s.next.Store(s.rows.Load() + n)
	_, err := s.Commit(ctx, w)
	if err == nil {
		s.rows.Add(n)
	}
	s.next.Store(s.rows.Load())
	return err
}

// look looks at the rows on a connection of its own, as readers do.
func (s *tight) look() error {
	c, err := s.db.PatientConn()
	if err != nil {
		return err
	}
	defer c.Close()
	release := s.HoldCommits()
	defer release()
	if err := c.Exec(ctx, "BEGIN TRANSACTION READ ONLY"); err != nil {
		return err
	}
	defer c.Exec(ctx, "ROLLBACK") //nolint:errcheck // it is closed
	before := s.rows.Load()
	var n, next, notes int64
	if err := c.Each(ctx, "SELECT count(*)::BIGINT, coalesce(max(n) + 1, 0)::BIGINT, count(note)::BIGINT FROM history.main.s WHERE n >= 0", func(scan func(...any) error) error { return scan(&n, &next, &notes) }); err != nil {
		return err
	}
	if n != next || n != notes || n < before || n > max(s.next.Load(), s.rows.Load()) {
		s.t.Errorf("%d rows, the last is number %d, %d notes: there are %d", n, next-1, notes, before)
	}
	s.looks.Add(1)
	return nil
}

// TestCommitWithoutMemory: a COMMIT for which DuckDB has too little memory leaves nothing behind that
// anybody sees, while it fails or later. Without an end to such an instance, there are rows in the table that
// are not committed, later ones are lost, and a commit after it ends with an internal error.
func TestCommitWithoutMemory(t *testing.T) {
	failed := 0
	for _, c := range []struct {
		name  string
		rows  int64 // that are there
		more  int64 // of the commit
		stays bool  // a reader, so that rows are copied
	}{
		{"into an empty table", 0, 125_000, false},
		{"copied into an empty table", 0, 125_000, true},
		{"appended", 50_000, 20_000, false},
		{"a row group", 50_000, 125_000, false},
		{"a row group, copied", 50_000, 125_000, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for blocks := int64(0); blocks <= 16; blocks += 8 { // with which it fails early or late, or not at all
				if openTight(t).squeeze(c.rows, c.more, blocks, c.stays) {
					failed++
				}
			}
		})
	}
	if failed < 5 {
		t.Errorf("%d commits have failed, too few to say anything", failed)
	}
}

// squeeze reports whether a commit has failed that had so much memory.
func (s *tight) squeeze(rows, more, blocks int64, stays bool) (failed bool) {
	for _, n := range []int64{0, rows} {
		if err := s.commitRows(n); err != nil {
			s.t.Fatal(err)
		}
	}
	release := func() {}
	if stays {
		release = s.HoldCommits()
	}
	done := make(chan struct{})
	var looking sync.WaitGroup
	for range 2 {
		looking.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if s.look() != nil {
					s.refused.Add(1)
				}
			}
		})
	}
	s.blocks = blocks
	err := s.commitRows(more)
	s.blocks = -1
	if failed = err != nil; failed && (!duck.OutOfMemory(err) || errors.Is(err, ErrUnknown)) {
		s.t.Error(err)
	}
	release()
	for range 2 {
		if err := s.look(); err != nil {
			s.t.Error(err)
		}
		if err := s.commitRows(50_000); err != nil {
			s.t.Error(err)
		}
	}
	close(done)
	looking.Wait()
	s.t.Logf("%d blocks: %v; %d looks, %d were refused", blocks, failed, s.looks.Load(), s.refused.Load())
	s.end()
	return failed
}
