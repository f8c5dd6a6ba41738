package definition

import (
	"fmt"
	"slices"
	"time"

	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// Options of CREATE MATERIALIZED VIEW.
const (
	// TTLOption ends the groups of a view without windows a while after their last row.
	TTLOption = "ttl"
	// BackgroundOption is the setting background_ddl for one statement.
	BackgroundOption = "background"
)

// TTL reads the option ttl, 0 without it.
func TTL(options []parser.Option) (time.Duration, error) {
	i := slices.IndexFunc(options, func(o parser.Option) bool { return o.Name == TTLOption })
	if i < 0 {
		return 0, nil
	}
	o := options[i]
	ttl, err := parser.ParseDuration(o.Value)
	switch {
	case err != nil:
		return 0, &parser.Error{Code: sqlstate.CodeInvalidParameter, Message: fmt.Sprintf("option ttl: %v", err), Offset: o.ValueOffset}
	case ttl < time.Microsecond:
		return 0, &parser.Error{Code: sqlstate.CodeInvalidParameter, Message: fmt.Sprintf("option ttl must be longer than nothing, not %q", o.Value),
			Hint: "Leave ttl out for groups that live for ever.", Offset: o.ValueOffset}
	}
	return ttl, nil
}

// Windows sets what EMIT and ALLOW LATENESS say about the view's windows.
func Windows(def *view.Definition, t *parser.CreateView) error {
	const hint = "Read FROM TUMBLE(source, time_column, INTERVAL '1 minute') and GROUP BY window_start, window_end, or leave %s out."
	switch {
	case def.Window != nil:
		def.Window.Final, def.Window.LatenessMicros = t.EmitOnClose, t.Lateness.Microseconds()
	case t.EmitOnClose:
		return &parser.Error{Code: sqlstate.CodeInvalidDefinition, Message: "EMIT ON WINDOW CLOSE needs a window over the watermark column in GROUP BY",
			Hint: fmt.Sprintf(hint, "EMIT"), Offset: t.EmitOffset}
	case t.LatenessOffset > 0:
		return &parser.Error{Code: sqlstate.CodeInvalidDefinition, Message: "ALLOW LATENESS needs a window over the watermark column in GROUP BY",
			Hint: fmt.Sprintf(hint, "ALLOW LATENESS"), Offset: t.LatenessOffset}
	}
	return nil
}

// StoredView is the statement as SHOW CREATE shows it: without what says how to
// run it.
func StoredView(t *parser.CreateView, sql string) string {
	isHow := func(o parser.Option) bool { return o.Name == BackgroundOption }
	if !t.OrReplace && !slices.ContainsFunc(t.Options, isHow) {
		return sql
	}
	stored := *t
	stored.OrReplace = false
	stored.Options = slices.DeleteFunc(slices.Clone(t.Options), isHow)
	return parser.FormatCreateView(&stored, false)
}
