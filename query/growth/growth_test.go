package growth

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// opened is a connector that keeps what its sources are opened with.
type opened struct {
	source.Connector
	spec source.Spec
}

func (o *opened) Open(spec source.Spec, _ []source.Position, _ source.Sink) (source.Reader, error) {
	o.spec = spec
	return nil, nil
}

func TestReadersAskForColumns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wanted := errors.New("wanted")
		var asked string
		closing := make(chan struct{})
		g := New(func(ctx context.Context, name string, columns []batch.Column) error {
			asked = name + " " + columns[0].Name
			if columns[0].Name == "bad" {
				return wanted
			}
			<-closing // what closes the reader
			<-ctx.Done()
			return nil
		})
		var o opened
		if _, err := g.Connectors(map[string]source.Connector{"c": &o})["c"].Open(source.Spec{Name: "orders"}, nil, nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		early, stop := context.WithCancel(t.Context())
		stop()
		if err := o.spec.Grow(early, []batch.Column{{Name: "early"}}); !errors.Is(err, context.Canceled) || asked != "" {
			t.Errorf("before it began: %v, %s", err, asked)
		}
		g.Begin()
		if err := o.spec.Grow(ctx, []batch.Column{{Name: "bad"}}); !errors.Is(err, wanted) || asked != "orders bad" {
			t.Errorf("an error: %v, %s", err, asked)
		}
		done := make(chan error, 1)
		go func() { done <- o.spec.Grow(ctx, []batch.Column{{Name: "good"}}) }()
		synctest.Wait()
		cancel() // the reader is closed while its columns are added
		if err := <-done; !errors.Is(err, context.Canceled) || asked != "orders good" {
			t.Errorf("a reader that is closed: %v, %s", err, asked)
		}
		close(closing)
		g.Wait()
	})
}
