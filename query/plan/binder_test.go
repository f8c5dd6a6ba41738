package plan

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/engine/batch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// brokenBinder fails to describe for a reason that is not the statement's.
type brokenBinder struct{ *duckBinder }

var errBroken = errors.New("connection is closed")

func (brokenBinder) Describe(context.Context, string, map[string][]batch.Column) ([]Field, error) {
	return nil, errBroken
}

func TestErrorsOfTheBinderStayWhatTheyAre(t *testing.T) {
	b := brokenBinder{newDuckBinder(t)}
	lookup := func(string, string) (*Source, error) { return oracleSource, nil }
	for _, sql := range []string{
		"SELECT count(*) FROM orders", "SELECT upper(country) FROM orders GROUP BY 1", "SELECT max(price + 1) FROM orders",
	} {
		if _, err := View(context.Background(), b, "v", sql, 0, lookup); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	other := errors.New("catalog is closed")
	_, err := View(context.Background(), b, "v", "SELECT count(*) FROM orders", 0, func(string, string) (*Source, error) { return nil, other })
	if !errors.Is(err, other) {
		t.Errorf("lookup: %v", err)
	}
}
