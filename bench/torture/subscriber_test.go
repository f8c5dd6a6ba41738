package torture

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// subscriber adds up what a subscription tells.
type subscriber struct{ rows atomic.Int64 }

// follow subscribes to a view for as long as a process lives, and again to the next.
func (s *soak) follow(ctx context.Context) error {
	for ctx.Err() == nil {
		s.up.RLock()
		addr, life := s.db.Postgres(), s.life
		s.up.RUnlock()
		err := s.told.follow(ctx, addr)
		s.up.RLock()
		same := life == s.life
		s.up.RUnlock()
		if same && ctx.Err() == nil { // the process has not been ended
			return fmt.Errorf("a subscriber: %w", err)
		}
	}
	return nil
}

// follow reads until the connection or the context ends. A view without duplicates tells of
// no row twice, nor of the end of one that is not there.
func (u *subscriber) follow(ctx context.Context, addr string) error {
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://subscriber@%s/millstream?sslmode=disable", addr))
	if err != nil {
		return err
	}
	defer conn.Close(context.Background()) //nolint:errcheck // it is over
	in, out := io.Pipe()
	go func() {
		_, err := conn.PgConn().CopyTo(ctx, out, "COPY (SUBSCRIBE product_totals) TO STDOUT")
		_ = out.CloseWithError(err) // it always returns nil
	}()
	defer in.Close() //nolint:errcheck // a pipe has nothing to say
	there := make(map[string]int)
	for lines := bufio.NewReader(in); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(fields) != 3 {
			return fmt.Errorf("the row %q", line)
		}
		diff, err := strconv.Atoi(fields[1])
		if err != nil {
			return fmt.Errorf("the row %q: %w", line, err)
		}
		there[fields[2]] += diff
		switch n := there[fields[2]]; {
		case n == 0:
			delete(there, fields[2])
		case n != 1:
			return fmt.Errorf("the row %q is there %d times at epoch %s", fields[2], n, fields[0])
		}
		u.rows.Add(1)
	}
}
