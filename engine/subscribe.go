package engine

import (
	"context"

	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/subscription"
)

// SubscribeOptions say what a subscription follows and how it tells of it.
type SubscribeOptions struct {
	subscription.Options
	// SQL is a query that DuckDB can run on a Read, with its arguments.
	SQL  string
	Args []any
	Path Path
	Zone string // the session's time zone
	// Before, when set, is called with each Read that SQL is to be run on.
	Before func(context.Context, *Read) error
	// Object, when set, says that SQL is SELECT * over this source, view,
	// <source>$late or <source>$rejected, whose changes are known without
	// running it again. Otherwise SQL is run again whenever one of Reads, all
	// that it reads, has changed; nil: at every epoch.
	Object string
	Reads  []string
}

// Subscribe starts a subscription. The caller must Close it.
func (e *Engine) Subscribe(ctx context.Context, o SubscribeOptions) (*subscription.Subscription, error) {
	if err := e.intact(); err != nil {
		return nil, err
	}
	var f subscription.Follower = &queryFollower{e: e, o: &o}
	if o.Object != "" {
		object, err := findObject(e.door.Newest(), o.Object)
		if err != nil {
			return nil, err
		}
		f = &objectFollower{e: e, o: &o, object: object}
	}
	return e.subs.Subscribe(ctx, subscriptionHost{e}, f, o.Options, e.subscriptionLimits())
}

func (e *Engine) subscriptionLimits() subscription.Limits {
	return subscription.Limits{Lag: e.opts.SubscriptionLag, Bytes: e.opts.SubscriptionBytes, Resume: e.opts.SubscriptionResume}
}

// Subscriptions returns how many there are and what they have told.
func (e *Engine) Subscriptions() subscription.Stats { return e.subs.Stats() }

// subscriptionHost is the engine as subscriptions see it.
type subscriptionHost struct{ e *Engine }

// Epoch returns the current epoch.
func (h subscriptionHost) Epoch() uint64 { return h.e.Epoch() }

// Current returns the current snapshot, pinned.
func (h subscriptionHost) Current() subscription.Snapshot { return h.e.door.Enter() }

// WithConn calls f with a reader's connection.
func (h subscriptionHost) WithConn(f func(*duck.Conn) error) error {
	c, err := h.e.conn()
	if err != nil {
		return err
	}
	defer h.e.pool.Put(c)
	return f(c.Conn)
}

// Number returns the epoch's number.
func (s *Snapshot) Number() uint64 { return s.Epoch }

// Acquire implements subscription.Snapshot.
func (s *Snapshot) Acquire() bool { return s.pin.Acquire() }

// Again implements subscription.Snapshot.
func (s *Snapshot) Again() { s.pin.Again() }

// Release implements subscription.Snapshot.
func (s *Snapshot) Release() { s.pin.Release() }
