package checkpoint

import (
	"context"
	"errors"
	"fmt"

	"github.com/millstream-db/millstream/engine/duck"
)

// seenSQL asks what a transaction sees. A union of two scans is planned into less
// than a scan with a subquery.
const seenSQL = "SELECT true, epoch, catalog FROM history.internal.epoch UNION ALL SELECT false, 0, version FROM live.internal.catalog"

// Seen returns the epoch of the checkpoint that the connection's transaction sees, and
// the versions of the catalog that it sees in history and in live.
func Seen(ctx context.Context, conn *duck.PooledConn) (epoch uint64, catalog [2]int64, err error) {
	stmt, err := conn.Take(seenSQL, nil)
	if err != nil {
		return 0, catalog, err
	}
	rows, err := stmt.Query(ctx)
	if err != nil {
		stmt.Close()
		return 0, catalog, err
	}
	defer func() {
		rows.Close()
		conn.Keep(stmt)
	}()
	for range 2 { // in any order
		ok, err := rows.Next()
		if err == nil && !ok {
			err = errors.New("history or the live catalog says nothing")
		}
		if err != nil {
			return 0, catalog, fmt.Errorf("read the checkpoint's epoch: %w", err)
		}
		var (
			ofHistory  bool
			n, version int64
		)
		if err := rows.Scan(&ofHistory, &n, &version); err != nil {
			return 0, catalog, err
		}
		if ofHistory {
			epoch, catalog[0] = uint64(n), version
		} else {
			catalog[1] = version
		}
	}
	return epoch, catalog, nil
}
