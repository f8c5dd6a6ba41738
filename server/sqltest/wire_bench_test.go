package sqltest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// BenchmarkSelectOne is the least that a query costs over the wire, with the
// client's part in it.
func BenchmarkSelectOne(b *testing.B) {
	d := &database{clients: make(map[string]*client)}
	if err := d.open(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer d.close(context.Background())
	c, err := pgconn.Connect(b.Context(), "postgres://bench@"+d.addr+"/db?sslmode=disable")
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close(context.Background())
	b.Run("simple", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.Exec(b.Context(), "SELECT 1").ReadAll(); err != nil {
				b.Fatal(err)
			}
		}
	})
	if _, err := c.Prepare(b.Context(), "p", "SELECT 1", nil); err != nil {
		b.Fatal(err)
	}
	b.Run("prepared", func(b *testing.B) {
		for b.Loop() {
			if r := c.ExecPrepared(b.Context(), "p", nil, nil, nil).Read(); r.Err != nil {
				b.Fatal(r.Err)
			}
		}
	})
}
