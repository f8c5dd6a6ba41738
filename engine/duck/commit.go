package duck

import "context"

// Commit ends the connection's transaction. After an error nobody gets anything from the instance any
// more: it has to be opened again, and what is in the file says whether the transaction is durable.
//
// DuckDB moves what a transaction has appended into the tables while it commits. Where that fails midway,
// mostly for want of memory, it takes the rows back beside whoever scans the tables, who may see them; and
// it leaves tables that lack rows which are committed later, or columns of unequal length (1.5.6;
// TestCommitWithoutMemory in package checkpoint shows it). So nothing of the file that DuckDB gives as a
// result while a commit goes on is passed on before that has succeeded.
func (c *Conn) Commit(ctx context.Context) error {
	i := c.inst
	i.commits.Lock()
	defer i.commits.Unlock()
	err := c.Exec(context.WithoutCancel(ctx), "COMMIT")
	if err != nil {
		i.severed.Store(true)
		i.db.suspect(i)
	}
	return err
}

// settled waits while a commit goes on. It reports whether what was read beside it holds.
func (i *instance) settled() bool {
	i.commits.RLock()
	defer i.commits.RUnlock()
	return !i.severed.Load()
}
