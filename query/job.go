package query

import (
	"context"
	"fmt"

	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/setting"
)

// showJobs lists the jobs at work; how others ended is in millstream.jobs.
func (s *Session) showJobs(st *Statement) error {
	names := []string{"id", "statement", "view", "progress", "rows", "rows_per_second", "started", "state"}
	return s.textStatement(st, names, func(context.Context) ([][]string, error) {
		var rows [][]string
		for _, j := range s.db.engine.Jobs().All() {
			if j.Ended.IsZero() {
				rows = append(rows, []string{
					fmt.Sprint(j.ID), j.Statement, j.View, fmt.Sprintf("%.1f%%", j.Progress), fmt.Sprint(j.Rows),
					fmt.Sprintf("%.0f", j.RowsPerSecond), j.Started.UTC().Format("2006-01-02 15:04:05.000+00"), string(j.State),
				})
			}
		}
		return rows, nil
	})
}

func (db *DB) cancelJobs(ctx context.Context, t *parser.CancelJobs) error {
	for _, j := range t.Jobs {
		if err := db.engine.Jobs().Cancel(ctx, j.ID); err != nil {
			return explainAt(err, CodeUndefinedObject, j.Offset, "SHOW JOBS shows the jobs at work; millstream.jobs also those that have ended.")
		}
	}
	return nil
}

// explainAt gives an error of the engine a place in the statement.
func explainAt(err error, code string, offset int, hint string) error {
	return &parser.Error{Code: code, Message: err.Error(), Hint: hint, Offset: offset}
}

// background reports whether statements that build return before they are done.
func (s *Session) background() bool { return s.settings.Get(setting.Background) == "on" }
