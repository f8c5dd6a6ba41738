package enginetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sort"
	"strings"

	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/enginetest"
	"github.com/millstream-db/millstream/query"
)

// following is a subscription beside a run, and what it has told so far: how
// often each row is there.
type following struct {
	rand    *rand.Rand // its own, so that it changes nothing of the run
	reads   []string   // the names of what is followed; nil: nothing is
	sql     string     // the query whose rows are told
	lost    bool       // the file was opened again since it began, which may end it
	session *query.Session
	rows    map[string]int
	epoch   int64
	told    int // rows
}

// follow begins a subscription, or reads on in the one there is: as likely
// little of it as everything.
func (u *run) follow(ctx context.Context) error {
	f := &u.followed
	if f.reads == nil {
		names := u.followable()
		if len(names) == 0 {
			return nil
		}
		return u.subscribe(ctx, pick(f.rand, names...), pick(f.rand, names...))
	}
	switch f.rand.IntN(8) {
	case 0:
		return u.endFollowing(ctx)
	case 1, 2, 3:
		return u.fetch(ctx, fmt.Sprint(1+f.rand.IntN(20)))
	case 4:
		return u.compareFollowed(ctx)
	}
	return nil
}

// followable returns what may be followed, views twice. In a seed about bags it is views alone:
// whether they have changed is not told by their pages.
func (u *run) followable() (names []string) {
	for _, v := range u.live() {
		names = append(names, v.Name, v.Name)
	}
	if u.source.Focus == enginetest.Bags {
		return names
	}
	names = append([]string{u.source.Name, u.source.Name + "$late"}, names...)
	for _, t := range u.tables {
		names = append(names, t.Name)
	}
	return names
}

// subscribe follows a relation, whose changes the database knows; a query that is run again
// whenever the relation has changed; or one of two relations.
func (u *run) subscribe(ctx context.Context, name, other string) error {
	f := &u.followed
	f.reads, f.sql = []string{name}, `SELECT * FROM "`+name+`"`
	what := `"` + name + `"`
	switch f.rand.IntN(8) {
	case 0, 1:
		what = "(" + f.sql + ")"
	case 2:
		f.reads = append(f.reads, other)
		f.sql = fmt.Sprintf(`SELECT 'a' AS what, count(*) AS n FROM "%s" UNION ALL SELECT 'b', count(*) FROM "%s"`, name, other)
		what = "(" + f.sql + ")"
	}
	u.note("subscribe to %s", what)
	f.session, f.rows, f.epoch, f.lost = u.db.NewSession(query.SessionOptions{}), make(map[string]int), 0, false
	if _, err := u.values(ctx, f.session, "DECLARE c CURSOR WITH HOLD FOR SUBSCRIBE "+what); err != nil {
		return u.unlessEnded(fmt.Errorf("subscribe to %s: %w", what, err))
	}
	return nil
}

// unlessEnded follows no more what a query that is run again and again has too
// many rows for, as it is documented, or what was being told when the file was opened
// again, and returns any other error.
func (u *run) unlessEnded(err error) error {
	lost := u.followed.lost && strings.Contains(err.Error(), duck.ErrReopened.Error())
	if lost || strings.Contains(err.Error(), "the subscribed query gives more than") {
		u.unfollow()
		return nil
	}
	return err
}

// endFollowing looks at what the subscription has told, and ends it.
func (u *run) endFollowing(ctx context.Context) error {
	if err := u.compareFollowed(ctx); err != nil {
		return err
	}
	u.unfollow()
	return nil
}

func (u *run) unfollow() {
	if u.followed.reads != nil {
		u.note("unsubscribe")
		u.followed.session.Close()
		u.followed.reads = nil
	}
}

// fetch applies what the subscription tells.
func (u *run) fetch(ctx context.Context, count string) error {
	f := &u.followed
	rows, err := u.values(ctx, f.session, "FETCH "+count+" c WITH (timeout = '0s')")
	if err != nil {
		return u.unlessEnded(fmt.Errorf("subscription to %s: %w", f.sql, err))
	}
	for _, row := range rows {
		epoch, diff := row[0].(int64), row[1].(int64)
		if epoch < f.epoch {
			return fmt.Errorf("subscription to %s: epoch %d after %d", f.sql, epoch, f.epoch)
		}
		f.epoch = epoch
		key := fmt.Sprintf("%v", row[2:])
		if f.rows[key] += int(diff); f.rows[key] == 0 {
			delete(f.rows, key)
		}
		f.told++
	}
	return nil
}

// compareFollowed holds what the subscription has told, to its end, against
// what can be read.
func (u *run) compareFollowed(ctx context.Context) error {
	f := &u.followed
	if f.reads == nil {
		return nil
	}
	if err := u.fetch(ctx, "ALL"); err != nil || f.reads == nil {
		return err
	}
	want := make(map[string]int)
	s := u.db.NewSession(query.SessionOptions{})
	defer s.Close()
	rows, err := u.values(ctx, s, f.sql)
	if err != nil {
		return err
	}
	for _, row := range rows {
		want[fmt.Sprintf("%v", row)]++
	}
	var wrong []string
	for row, n := range want {
		if f.rows[row] != n {
			wrong = append(wrong, fmt.Sprintf("%s: %d times, told %d", row, n, f.rows[row]))
		}
	}
	for row, n := range f.rows {
		if want[row] == 0 {
			wrong = append(wrong, fmt.Sprintf("%s: told %d times, is not there", row, n))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	sort.Strings(wrong)
	return fmt.Errorf("subscription to %s: %d rows are wrong, such as %s", f.sql, len(wrong), wrong[:min(3, len(wrong))])
}

// values runs a statement and returns its rows as Go values.
func (u *run) values(ctx context.Context, s *query.Session, sql string) ([][]any, error) {
	st, err := s.Prepare(ctx, sql, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	res, err := s.Execute(ctx, st, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	var out [][]any
	for row, err := range res.Rows(ctx) {
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sql, err)
		}
		out = append(out, append([]any(nil), row...))
	}
	return out, nil
}
