package query

import (
	"context"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/setting"
)

// prepareControl prepares the statements about the session itself.
func (s *Session) prepareControl(st *Statement, tree parser.Statement) error {
	simple := func(f func(ctx context.Context) (notice string, err error)) {
		st.run = func(ctx context.Context, _ []any) (*Result, error) {
			notice, err := f(ctx)
			if err != nil {
				return nil, err
			}
			return noticed(st.Tag, notice), nil
		}
	}
	switch t := tree.(type) {
	case *parser.Begin:
		simple(func(context.Context) (string, error) { return s.beginTransaction(setting.ModesOf(t.Modes)), nil })
	case *parser.Commit:
		st.run = func(ctx context.Context, _ []any) (*Result, error) {
			return s.chained(t.Chain, "COMMIT", func() (*Result, error) { return s.commit(ctx) })
		}
	case *parser.Rollback:
		st.run = func(context.Context, []any) (*Result, error) {
			return s.chained(t.Chain, "ROLLBACK", func() (*Result, error) { return noticed(st.Tag, s.rollback()), nil })
		}
	case *parser.RollbackTo:
		simple(func(ctx context.Context) (string, error) { return "", s.rollbackTo(ctx, t.Name) })
	case *parser.Savepoint:
		simple(func(context.Context) (string, error) { return "", s.setSavepoint(t.Name) })
	case *parser.Release:
		simple(func(context.Context) (string, error) { return "", s.release(t.Name) })
	case *parser.Set:
		simple(func(ctx context.Context) (string, error) { return "", s.setSetting(ctx, t) })
	case *parser.Reset:
		simple(func(context.Context) (string, error) {
			if t.Name == "" {
				s.settings.ResetAll()
			} else {
				s.settings.Reset(t.Name)
			}
			return "", nil
		})
	case *parser.ShowSetting:
		return s.prepareShowSetting(st, t)
	case *parser.Close:
		simple(func(context.Context) (string, error) { return "", s.closeCursor(t) })
	case *parser.SetTransaction:
		simple(func(context.Context) (string, error) { return s.setTransaction(t) })
	case *parser.NoOp, *parser.Deallocate, *parser.Listen, *parser.Notify:
		if d, ok := t.(*parser.Deallocate); ok {
			st.Deallocate = &d.Name
		}
		simple(func(context.Context) (string, error) {
			s.keep(t)
			return "", nil
		})
	default:
		return Errorf(CodeFeatureNotSupported, "%s is not supported", tree.Command())
	}
	return nil
}

// keep runs a statement that changes what the session keeps.
func (s *Session) keep(tree parser.Statement) {
	switch t := tree.(type) {
	case *parser.Deallocate:
		s.deallocate(t.Name)
	case *parser.Listen:
		if t.Stop {
			s.db.channels.Unlisten(s, t.Channel)
		} else {
			s.db.channels.Listen(s, t.Channel)
		}
	case *parser.Notify:
		s.notify(Notification{Process: s.opts.Process, Channel: t.Channel, Payload: t.Payload})
	case *parser.NoOp:
		if t.Tag == "DISCARD ALL" {
			s.closeCursors(true)
			s.settings.ResetAll()
			s.resetRole()
			s.deallocate("")
			s.db.channels.Unlisten(s, "")
		}
	}
}

// noticed is a result without rows, with a notice unless that is "".
func noticed(tag, notice string) *Result {
	r := &Result{Tag: tag}
	if notice != "" {
		r.Notices = []string{notice}
	}
	return r
}

func (s *Session) beginTransaction(m setting.Modes) (notice string) {
	if s.status != statusIdle {
		return "there is already a transaction in progress"
	}
	s.status = statusOpen
	s.settings.Begin(m)
	return ""
}

// chained ends a transaction, and with AND CHAIN begins another of the same modes.
func (s *Session) chained(chain bool, tag string, end func() (*Result, error)) (*Result, error) {
	if chain && s.status == statusIdle {
		return nil, Errorf("25P01", "%s AND CHAIN can only be used in transaction blocks", tag)
	}
	m := s.settings.Modes()
	r, err := end()
	if err == nil && chain {
		s.beginTransaction(m)
	}
	return r, err
}

// setTransaction gives the transaction, or those to come, other modes.
func (s *Session) setTransaction(t *parser.SetTransaction) (notice string, err error) {
	m := setting.ModesOf(t.Modes)
	switch {
	case t.Session:
		m.SetDefault(&s.settings)
	case s.status == statusIdle:
		return "SET TRANSACTION can only be used in transaction blocks", nil
	case s.read != nil && m[setting.Isolation] != "" && m[setting.Isolation] != s.settings.Get(setting.Isolation):
		return "", Errorf(CodeActiveTransaction, "SET TRANSACTION ISOLATION LEVEL must be called before any query")
	case s.widens(m):
		return "", writesTooLate()
	default:
		m.Set(&s.settings)
	}
	return "", nil
}

func writesTooLate() error {
	return Errorf(CodeActiveTransaction, "transaction read-write mode must be set before any query")
}

// widens reports whether modes let a transaction write that has read as one that
// may not.
func (s *Session) widens(m setting.Modes) bool {
	return s.read != nil && m[setting.ReadOnly] == "off" && s.settings.Get(setting.ReadOnly) == "on"
}

// commit ends the transaction; a failed one is rolled back, as its tag says.
func (s *Session) commit(ctx context.Context) (*Result, error) {
	r := &Result{Tag: "COMMIT"}
	if s.status == statusOpen {
		err := s.holdCursors(ctx)
		if err == nil {
			err = s.commitChanges(ctx)
		}
		if err != nil {
			s.rollback()
			return nil, err
		}
	}
	switch s.status {
	case statusIdle:
		r.Notices = []string{"there is no transaction in progress"}
	case statusFailed:
		r.Tag = "ROLLBACK"
	}
	pending := s.pending
	if s.status == statusFailed {
		pending = nil
	}
	s.settings.End(s.status == statusOpen)
	s.endTransaction()
	for _, n := range pending {
		s.db.channels.Notify(n)
	}
	return r, nil
}

// notify sends a notification, or keeps it until its transaction ends. The same
// one is sent once.
func (s *Session) notify(n Notification) {
	switch {
	case s.status == statusIdle:
		s.db.channels.Notify(n)
	case !slices.Contains(s.pending, n):
		s.pending = append(s.pending, n)
	}
}

func (s *Session) rollback() (notice string) {
	if s.status == statusIdle {
		return "there is no transaction in progress"
	}
	s.settings.End(false)
	s.endTransaction()
	return ""
}

func (s *Session) setSetting(ctx context.Context, t *parser.Set) error {
	if setting.Fixed(t.Name) {
		return Errorf("55P02", "parameter %q cannot be changed", t.Name)
	}
	if t.Default {
		s.settings.Reset(t.Name)
		return nil
	}
	value := strings.Join(t.Values, ", ")
	if t.Name == "timezone" {
		zone, err := s.checkZone(ctx, value)
		if err != nil {
			return err
		}
		value = zone
	}
	shown, refused := setting.Normalize(t.Name, value)
	if refused != nil {
		return refused
	}
	if s.widens(setting.Modes{t.Name: shown}) {
		return writesTooLate()
	}
	s.settings.Set(t.Name, shown)
	if t.Name == "application_name" {
		s.activity.SetApplication(value)
	}
	return nil
}

// checkZone asks DuckDB, which will use the zone.
func (s *Session) checkZone(ctx context.Context, zone string) (string, error) {
	if strings.EqualFold(zone, "default") || strings.EqualFold(zone, "local") {
		return "UTC", nil
	}
	r, err := s.db.engine.BeginRead(ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	if err := r.SetTimeZone(ctx, zone); err != nil {
		return "", Errorf(CodeInvalidParameter, "invalid value for parameter \"TimeZone\": %q", zone).
			WithHint("Use a name such as Europe/Berlin or UTC.")
	}
	return zone, nil
}

func (s *Session) prepareShowSetting(st *Statement, t *parser.ShowSetting) error {
	if t.Name == "" {
		return s.textStatement(st, []string{"name", "setting"}, func(context.Context) ([][]string, error) { return s.settings.All(), nil })
	}
	if !s.settings.Known(t.Name) {
		return Errorf(CodeUndefinedObject, "unrecognized configuration parameter %q", t.Name)
	}
	name := t.Name
	if p, ok := setting.Spelling[name]; ok {
		name = p
	}
	return s.textStatement(st, []string{name}, func(context.Context) ([][]string, error) { return [][]string{{s.settings.Get(t.Name)}}, nil })
}
