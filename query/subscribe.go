package query

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/subscription"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// The columns that a subscription puts before those of what it follows.
var (
	epochColumn    = Column{Name: "ts", Type: "BIGINT"}
	progressColumn = Column{Name: "progressed", Type: "BOOLEAN"}
	diffColumn     = Column{Name: "diff", Type: "BIGINT"}
	stateColumn    = Column{Name: "state", Type: "VARCHAR"}
)

// prepareSubscribe prepares SUBSCRIBE. What it follows passes the gate like any
// query.
func (s *Session) prepareSubscribe(ctx context.Context, st *Statement, t *parser.Subscribe, paramTypes []string) error {
	sql, offset := t.SQL, t.Offset
	if t.Table.Name != "" {
		sql, offset = "SELECT * FROM "+tableName(t.Table), len(st.SQL)+1
	}
	q := &selectQuery{s: s, st: &Statement{SQL: st.SQL, Tag: st.Tag}, sql: sql, offset: offset, path: path(sql), apart: true}
	err := q.admit(ctx)
	if err == nil {
		err = q.describe(ctx, paramTypes)
	}
	if err != nil {
		e := AsError(q.explain(err))
		if t.Table.Name != "" && e.Position == 0 {
			e = e.At(characters(st.SQL, t.Table.Offset))
		}
		return e
	}
	st.requireAll(q.st)
	o := engine.SubscribeOptions{SQL: q.sql, Path: q.path, Zone: s.settings.Get("timezone")}
	o.NoSnapshot, o.Progress = t.NoSnapshot, t.Progress
	for _, c := range q.st.Columns {
		o.Columns = append(o.Columns, duck.Column(c))
	}
	if o.Key, err = keyColumns(st.SQL, t.Key, q.st.Columns); err != nil {
		return err
	}
	if t.AsOf != nil {
		o.AsOf, o.AtLeast = t.AsOf.Number, t.AsOf.AtLeast
	}
	if t.UpTo != nil {
		o.UpTo = max(1, t.UpTo.Number)
	}
	s.chooseFollower(&o, t, q)
	st.Params, st.Live = q.st.Params, true
	st.Columns = subscribeColumns(&o, q.st.Columns)
	st.run = func(ctx context.Context, args []any) (*Result, error) {
		run := o
		run.Args = args
		if q.path == engine.CatalogPath {
			run.Before = s.introduction(q.sql)
		}
		sub, err := s.db.engine.Subscribe(ctx, run)
		if err != nil {
			return nil, subscribeError(err, st.SQL, t)
		}
		return subscriptionResult(st, sub), nil
	}
	return nil
}

// chooseFollower says how the subscription gets at its changes.
func (s *Session) chooseFollower(o *engine.SubscribeOptions, t *parser.Subscribe, q *selectQuery) {
	var names []string
	public := true
	for _, ref := range q.reads.Relations {
		public = public && ref.Schema == publicSchema
		names = append(names, ref.Name)
	}
	if t.Table.Name != "" && public && len(names) == 1 && s.db.engine.CanFollow(names[0]) {
		o.Object = names[0]
		return
	}
	if public && len(names) > 0 && q.path != engine.CatalogPath {
		o.Reads = names
	}
}

// subscribeColumns returns the columns of the rows that are told.
func subscribeColumns(o *engine.SubscribeOptions, own []Column) []Column {
	columns := []Column{epochColumn}
	if o.Progress {
		columns = append(columns, progressColumn)
	}
	if o.Key == nil {
		return append(append(columns, diffColumn), own...)
	}
	columns = append(columns, stateColumn)
	for _, k := range o.Key {
		columns = append(columns, own[k])
	}
	for i, c := range own {
		if !slices.Contains(o.Key, i) {
			columns = append(columns, c)
		}
	}
	return columns
}

// keyColumns returns the places of the key's columns.
func keyColumns(sql string, key []parser.ColumnName, columns []Column) ([]int, error) {
	var out []int
	for _, k := range key {
		i := slices.IndexFunc(columns, func(c Column) bool { return strings.EqualFold(c.Name, k.Name) })
		if i < 0 {
			return nil, Errorf(CodeUndefinedColumn, "column %q of the key does not exist", k.Name).At(characters(sql, k.Offset))
		}
		if slices.Contains(out, i) {
			return nil, Errorf("42701", "column %q stands in the key twice", k.Name).At(characters(sql, k.Offset))
		}
		out = append(out, i)
	}
	return out, nil
}

// subscribeError gives the engine's refusals their place in the statement.
func subscribeError(err error, sql string, t *parser.Subscribe) error {
	var epoch *subscription.EpochError
	switch {
	case errors.As(err, &epoch) && t.AsOf != nil:
		e := sqlstate.FromEngine(err)
		e.Position = characters(sql, t.AsOf.Offset)
		return e
	case errors.Is(err, subscription.ErrEmpty):
		return Errorf(CodeInvalidParameter, "UP TO %d is not after the subscription's beginning", t.UpTo.Number).
			WithHint("UP TO names the first epoch that is not told any more.").At(characters(sql, t.UpTo.Offset))
	}
	return subscriptionError(err, sql)
}

func subscriptionResult(st *Statement, sub *subscription.Subscription) *Result {
	told := func(rec arrow.RecordBatch, err error) (arrow.RecordBatch, error) {
		if err != nil {
			return nil, subscriptionError(err, st.SQL)
		}
		return rec, nil
	}
	return &Result{
		Columns: st.Columns, Tag: st.Tag, Epoch: sub.Epoch(), Live: true, close: sub.Close,
		next: func(ctx context.Context) (arrow.RecordBatch, error) { return told(sub.Next(ctx)) },
		poll: func(ctx context.Context, patience time.Duration) (arrow.RecordBatch, error) {
			return told(sub.Poll(ctx, patience))
		},
	}
}

// tableName is a name in a statement as SQL for DuckDB.
func tableName(n parser.Name) string {
	if n.Schema == "" {
		return parser.QuoteIdent(n.Name)
	}
	return parser.QuoteIdent(n.Schema) + "." + parser.QuoteIdent(n.Name)
}

// subscriptionError is explain for what ends a subscription. Its regular end,
// io.EOF, stays what it is.
func subscriptionError(err error, sql string) error {
	var slow *subscription.SlowError
	var many *subscription.TooManyRowsError
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.As(err, &slow):
		return Errorf(CodeConfigurationLimit, "%v", err).
			WithHint("Read faster, or subscribe to less.")
	case errors.As(err, &many):
		return Errorf(CodeProgramLimit, "%v", err).
			WithHint("Its result is kept, to be compared with the next one. Create a materialized view and subscribe to that: views have no limit.")
	}
	return sqlstate.Explain(err, sql, len(sql)+1)
}

// characters turns an offset into sql into a position: characters, from 1.
func characters(sql string, offset int) int { return utf8.RuneCountInString(sql[:offset]) + 1 }
