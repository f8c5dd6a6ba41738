package duck

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/millstream-db/millstream/engine/batch"
)

// Conn is a connection. It runs one statement at a time and is not safe for
// concurrent use; cancelling the context of a call interrupts it.
type Conn struct {
	inst      *instance
	data      mapping.Connection
	key       connKey
	relations Relations
	arguments []any              // of the statement that is executed, where it has them in its text
	stmts     map[*Stmt]struct{} // open
	rows      map[*Rows]struct{} // open
	left      bool               // the result before was closed before its end, and nothing has come since
	guarded   bool               // what it runs is for users
	memory    bool               // what it runs reads nothing of the file
}

// Guard makes the connection one of users, or of the engine: statements of users may
// be ended when the process has too much memory, see Options.ProcessMemory. It must not
// be called while something runs.
func (c *Conn) Guard(users bool) { c.guarded = users }

// OnlyMemory says whether what the connection runs reads nothing but relations of ms_scan: then its results
// need not wait for transactions that are being committed, see Commit. It must not be called while something
// runs.
func (c *Conn) OnlyMemory(only bool) { c.memory = only }

// enter begins a call into DuckDB, as instance.enter does.
func (c *Conn) enter() bool {
	if !c.inst.enter() {
		return false
	}
	if !c.guarded {
		engineCalls.Add(1)
	}
	return true
}

func (c *Conn) leave() {
	if !c.guarded {
		engineCalls.Add(-1)
	}
	c.inst.leave()
}

// SetRelations gives the connection what ms_scan finds on it, nil for nothing.
// It must not change while a result is open.
func (c *Conn) SetRelations(r Relations) { c.relations = r }

// Close closes the connection. Its statements and results must be closed.
func (c *Conn) Close() {
	if !c.enter() {
		return
	}
	defer c.leave()
	connections.Delete(c.key)
	c.inst.mu.Lock()
	defer c.inst.mu.Unlock()
	if _, open := c.inst.conns[c]; open {
		delete(c.inst.conns, c)
		mapping.Disconnect(&c.data)
	}
}

// free closes the connection with all that is open on it. No call is under way.
func (c *Conn) free() {
	for r := range c.rows {
		r.free()
	}
	for s := range c.stmts {
		mapping.DestroyPrepare(&s.data)
	}
	mapping.Disconnect(&c.data)
}

// Stale reports whether the connection's instance has been replaced: it only
// answers ErrReopened.
func (c *Conn) Stale() bool { return c.inst.severed.Load() }

// Interrupt stops the statement that runs now. It may be called from any goroutine.
func (c *Conn) Interrupt() {
	if c.enter() {
		defer c.leave()
		mapping.Interrupt(c.data)
	}
}

// interruptOn interrupts the connection when the context ends. The function that
// it returns ends the watch; an interruption that is under way has come by then,
// so that it does not hit the connection's next statement.
func (c *Conn) interruptOn(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		c.Interrupt()
		close(done)
	})
	return func() {
		if !cancel() {
			<-done
		}
	}
}

// Exec runs statements of our own making, separated by semicolons.
func (c *Conn) Exec(ctx context.Context, sql string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer c.interruptOn(ctx)() // once the call has been left
	if !c.enter() {
		return ErrReopened
	}
	defer c.leave()
	c.left = false
	var res mapping.Result
	state := mapping.Query(c.data, sql, &res)
	defer mapping.DestroyResult(&res)
	if state == mapping.StateError {
		return c.fault(ctx, mapping.ResultError(&res))
	}
	return nil
}

// fault is the error that a message of DuckDB's stands for. For "interrupted" it is the reason of that,
// unless the guard of the memory did it, whose reason memory.end gives.
func (c *Conn) fault(ctx context.Context, message string) (err error) {
	d := c.inst.fault(parseError(message))
	switch {
	case !d.interrupted():
		err = d
	case c.Stale():
		err = ErrReopened
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		err = ErrUntold
	}
	if !c.guarded && OutOfMemory(err) {
		process.relieve()
	}
	return err
}

// Column is a result column: its name and its type in DuckDB's spelling.
type Column struct{ Name, Type string }

// Stmt is a prepared statement of one connection.
type Stmt struct {
	conn    *Conn
	data    mapping.PreparedStatement
	made    time.Time
	key     planKey // of a pool's connection
	basis   Basis
	Params  []string // types, "" where DuckDB can't tell yet
	Columns []Column
}

// Prepare plans exactly one statement; text with several is refused before any
// of them runs. The caller must Close it.
func (c *Conn) Prepare(sql string) (*Stmt, error) {
	d := process.begin(c)
	s, err := c.prepare(sql)
	if err = process.end(d, err); err != nil && s != nil {
		s.Close()
		s = nil
	}
	return s, err
}

func (c *Conn) prepare(sql string) (*Stmt, error) {
	if !c.enter() {
		return nil, ErrReopened
	}
	defer c.leave()
	var extracted mapping.ExtractedStatements
	n := mapping.ExtractStatements(c.data, sql, &extracted)
	defer mapping.DestroyExtracted(&extracted)
	if n == 0 {
		if message := mapping.ExtractStatementsError(extracted); message != "" {
			return nil, c.fault(context.Background(), message)
		}
		return nil, &Error{Type: "Parser", Message: "there is no statement", Position: -1}
	}
	if n > 1 {
		return nil, &Error{Type: "Parser", Message: "cannot insert multiple commands into a prepared statement", Position: -1}
	}
	s := &Stmt{conn: c, made: time.Now()}
	if mapping.PrepareExtractedStatement(c.data, extracted, 0, &s.data) == mapping.StateError {
		err := c.fault(context.Background(), mapping.PrepareError(s.data))
		mapping.DestroyPrepare(&s.data)
		return nil, err
	}
	s.Params = make([]string, int(mapping.NParams(s.data)))
	for i := range s.Params {
		s.Params[i] = takeTypeName(mapping.ParamLogicalType(s.data, mapping.IdxT(i+1)))
	}
	s.Columns = make([]Column, int(mapping.PreparedStatementColumnCount(s.data)))
	for i := range s.Columns {
		t := takeTypeName(mapping.PreparedStatementColumnLogicalType(s.data, mapping.IdxT(i)))
		s.Columns[i] = Column{mapping.PreparedStatementColumnName(s.data, mapping.IdxT(i)), t}
	}
	if c.stmts == nil {
		c.stmts = make(map[*Stmt]struct{})
	}
	c.stmts[s] = struct{}{}
	return s, nil
}

// Close frees the statement.
func (s *Stmt) Close() {
	if !s.conn.enter() {
		return
	}
	defer s.conn.leave()
	delete(s.conn.stmts, s)
	mapping.DestroyPrepare(&s.data)
}

// Query executes the statement with args as $1, $2, …; their Go types are
// those of package batch's values. Rows are produced as they are read. The
// caller must close them before the connection runs anything else.
func (s *Stmt) Query(ctx context.Context, args ...any) (*Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if len(args) != len(s.Params) {
		return nil, &Error{Type: "Binder", Message: fmt.Sprintf("the statement has %d parameters, %d were given", len(s.Params), len(args)), Position: -1}
	}
	r := &Rows{ctx: ctx, conn: s.conn, stop: s.conn.interruptOn(ctx)}
	d := process.begin(s.conn)
	if err := process.end(d, s.start(r, args)); err != nil {
		if r.open {
			r.Close()
		} else {
			r.stop()
		}
		return nil, err
	}
	return r, nil
}

func (s *Stmt) start(r *Rows, args []any) error {
	c := s.conn
	if !c.enter() {
		return ErrReopened
	}
	defer c.leave()
	mapping.ClearBindings(s.data)
	for i, arg := range args {
		if err := s.bind(mapping.IdxT(i+1), arg); err != nil {
			return err
		}
	}
	var pending mapping.PendingResult
	if C.ms_pending_streaming(s.data.Ptr, &pending.Ptr) != 0 {
		err := c.fault(r.ctx, mapping.PendingError(pending))
		mapping.DestroyPending(&pending)
		return err
	}
	state := mapping.ExecutePending(pending, &r.res)
	mapping.DestroyPending(&pending)
	if state == mapping.StateError {
		err := c.fault(r.ctx, mapping.ResultError(&r.res))
		mapping.DestroyResult(&r.res)
		return err
	}
	r.open, c.left = true, false
	if c.rows == nil {
		c.rows = make(map[*Rows]struct{})
	}
	c.rows[r] = struct{}{}
	return nil
}

// exec executes a statement without parameters for its effect.
func (s *Stmt) exec(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	defer s.conn.interruptOn(ctx)()
	if !s.conn.enter() {
		return ErrReopened
	}
	defer s.conn.leave()
	var res mapping.Result
	defer mapping.DestroyResult(&res)
	if mapping.ExecutePrepared(s.data, &res) == mapping.StateError {
		return s.conn.fault(ctx, mapping.ResultError(&res))
	}
	return nil
}

// Query prepares, runs and forgets one statement.
func (c *Conn) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	s, err := c.Prepare(sql)
	if err != nil {
		return nil, err
	}
	r, err := s.Query(ctx, args...)
	if err != nil {
		s.Close()
		return nil, err
	}
	r.owned = s
	return r, nil
}

// QueryToEnd runs one statement for its effect.
func (c *Conn) QueryToEnd(ctx context.Context, sql string, args ...any) error {
	rows, err := c.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return rows.ToEnd()
}

func (s *Stmt) bind(i mapping.IdxT, arg any) error {
	state := mapping.StateSuccess
	switch v := arg.(type) {
	case nil:
		state = mapping.BindNull(s.data, i)
	case bool:
		state = mapping.BindBoolean(s.data, i, v)
	case int:
		state = mapping.BindInt64(s.data, i, int64(v))
	case int32:
		state = mapping.BindInt32(s.data, i, v)
	case int64:
		state = mapping.BindInt64(s.data, i, v)
	case uint64:
		state = mapping.BindUInt64(s.data, i, v)
	case float32:
		state = mapping.BindFloat(s.data, i, v)
	case float64:
		state = mapping.BindDouble(s.data, i, v)
	case string:
		state = mapping.BindVarchar(s.data, i, v)
	case []byte:
		state = mapping.BindBlob(s.data, i, v)
	default:
		value, err := createValue(arg)
		if err != nil {
			return err
		}
		if value.Ptr == nil { // DuckDB would crash
			return &Error{Type: "Invalid Input", Message: fmt.Sprintf("parameter $%d has a value that %T can't hold", i, arg), Position: -1}
		}
		state = mapping.BindValue(s.data, i, value)
		mapping.DestroyValue(&value)
	}
	if state == mapping.StateError {
		return &Error{Type: "Invalid Input", Message: fmt.Sprintf("parameter $%d: %s", i, mapping.PrepareError(s.data)), Position: -1}
	}
	return nil
}

// createValue makes a DuckDB value that the caller destroys.
func createValue(arg any) (mapping.Value, error) {
	switch v := arg.(type) {
	case batch.DateValue:
		return mapping.CreateDate(mapping.NewDate(int32(v))), nil
	case batch.TimeValue:
		return mapping.CreateTime(mapping.NewTime(int64(v))), nil
	case batch.TimestampValue:
		return mapping.CreateTimestamp(mapping.NewTimestamp(int64(v))), nil
	case batch.TimestampTZValue:
		return mapping.CreateTimestampTZ(mapping.NewTimestamp(int64(v))), nil
	case batch.IntervalValue:
		return mapping.CreateInterval(mapping.NewInterval(v.Months, v.Days, v.Micros)), nil
	case batch.UUIDValue:
		return mapping.CreateVarchar(v.String()), nil
	case batch.DecimalValue:
		huge := mapping.NewHugeInt(v.Unscaled.Lo, v.Unscaled.Hi)
		width := len(new(big.Int).Abs(v.Unscaled.Big()).String())
		if v.Scale == 0 && width > 18 {
			return mapping.CreateHugeInt(huge), nil
		}
		if width = max(width, int(v.Scale)); width > 38 {
			return mapping.CreateVarchar(v.String()), nil // beyond DuckDB's DECIMAL, who says so or rounds it
		}
		return mapping.CreateDecimal(mapping.NewDecimal(uint8(width), v.Scale, huge)), nil
	case []any:
		return createList(v)
	default:
		return mapping.Value{}, &Error{Type: "Invalid Input", Message: fmt.Sprintf("a parameter of Go type %T is not supported", arg), Position: -1}
	}
}

// listType returns the type of a list whose items have a type that no text stands
// for, else VARCHAR.
func listType(items []any) mapping.Type {
	found := mapping.TypeInvalid
	for _, item := range items {
		of := mapping.TypeVarchar
		switch item.(type) {
		case nil:
			continue
		case []byte:
			of = mapping.TypeBlob
		case batch.DateValue:
			of = mapping.TypeDate
		case batch.TimeValue:
			of = mapping.TypeTime
		case batch.TimestampValue:
			of = mapping.TypeTimestamp
		case batch.TimestampTZValue:
			of = mapping.TypeTimestampTZ
		case batch.IntervalValue:
			of = mapping.TypeInterval
		}
		if of == mapping.TypeVarchar || found != mapping.TypeInvalid && of != found {
			return mapping.TypeVarchar
		}
		found = of
	}
	if found == mapping.TypeInvalid {
		return mapping.TypeVarchar
	}
	return found
}

// createItem makes an item of a list of the given type.
func createItem(item any, of mapping.Type) (mapping.Value, error) {
	switch v := item.(type) {
	case nil:
		return mapping.CreateNullValue(), nil
	case []byte:
		return mapping.CreateBlob(v), nil
	case string:
		return mapping.CreateVarchar(v), nil
	}
	if of != mapping.TypeVarchar {
		return createValue(item)
	}
	switch item.(type) {
	case batch.DateValue, batch.TimeValue, batch.TimestampValue, batch.TimestampTZValue, batch.IntervalValue:
		value, err := createValue(item)
		if err != nil {
			return value, err
		}
		defer mapping.DestroyValue(&value)
		return mapping.CreateVarchar(mapping.GetVarchar(value)), nil
	}
	return mapping.CreateVarchar(fmt.Sprint(item)), nil
}

// createList makes a list of values, most of them texts, which DuckDB casts to
// what the statement needs.
func createList(items []any) (mapping.Value, error) {
	of := listType(items)
	values := make([]mapping.Value, 0, len(items))
	defer func() {
		for i := range values {
			mapping.DestroyValue(&values[i])
		}
	}()
	for _, item := range items {
		value, err := createItem(item, of)
		if err != nil {
			return mapping.Value{}, err
		}
		values = append(values, value)
	}
	t := mapping.CreateLogicalType(of)
	defer mapping.DestroyLogicalType(&t)
	return mapping.CreateListValue(t, values), nil
}
