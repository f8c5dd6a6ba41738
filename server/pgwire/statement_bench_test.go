package pgwire

import (
	"context"
	"testing"
)

// BenchmarkStatement measures what a statement costs beside what the database
// does for it: messages, watches, a client of the same process.
func BenchmarkStatement(b *testing.B) {
	_, addr := startServer(b, &fakeDatabase{}, Options{})
	conn := connectPgx(b, addr).PgConn()
	ctx := context.Background()
	if _, err := conn.Prepare(ctx, "one", "rows 1", nil); err != nil {
		b.Fatal(err)
	}
	b.Run("simple", func(b *testing.B) {
		for b.Loop() {
			if _, err := conn.Exec(ctx, "rows 1").ReadAll(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("prepared", func(b *testing.B) {
		for b.Loop() {
			if r := conn.ExecPrepared(ctx, "one", nil, nil, nil).Read(); r.Err != nil {
				b.Fatal(r.Err)
			}
		}
	})
}
