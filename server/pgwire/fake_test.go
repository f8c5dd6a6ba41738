package pgwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/query/parser"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canned is a statement that a fake database knows.
type canned struct {
	tag     string
	params  []string
	columns []query.Column
	notices []string
	live    bool
	copy    *parser.CopyFormat

	// batches returns the rows. It may block until ctx ends.
	batches func(ctx context.Context, args []any) ([]arrow.RecordBatch, error)
}

// fakeDatabase answers the statements it was given, and a few that every
// session knows; see fakeSession.Prepare.
type fakeDatabase struct {
	statements map[string]canned
	calm       bool // it does not panic when it is asked to

	mu       sync.Mutex
	options  []query.SessionOptions // of the sessions opened
	prepared [][]string             // the paramTypes of each Prepare
	args     [][]any                // of each Execute
	open     atomic.Int64           // results that are open
	closed   atomic.Int64           // sessions that are closed
}

func (d *fakeDatabase) NewSession(o query.SessionOptions) Session {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.options = append(d.options, o)
	s := &fakeSession{db: d, status: 'I', settings: map[string]string{"application_name": o.Application}}
	for name, value := range o.Settings {
		s.settings[name] = value
	}
	return s
}

type fakeSession struct {
	db       *fakeDatabase
	status   byte
	settings map[string]string
	open     bool // a result is
}

func (s *fakeSession) Status() byte { return s.status }
func (s *fakeSession) Close()       { s.db.closed.Add(1) }
func (s *fakeSession) Setting(name string) string {
	if name == "crash" {
		panic("asked to crash")
	}
	return s.settings[strings.ToLower(name)]
}

// find returns the statement for a text: a canned one, "rows N" for a column
// with 1 to N in batches of 3, "begin", "commit", "set name value", "fail",
// a FETCH from the cursor "declared",
// "fail late", "sleep", "panic", "stream N" that then blocks.
func (s *fakeSession) find(sql string) (canned, error) {
	if st, ok := s.db.statements[sql]; ok {
		return st, nil
	}
	verb, rest, _ := strings.Cut(strings.TrimSpace(sql), " ")
	number := []query.Column{{Name: "i", Type: "BIGINT"}}
	switch verb {
	case "":
		return canned{}, nil
	case "begin", "commit", "rollback":
		return canned{tag: strings.ToUpper(verb)}, nil
	case "FETCH":
		if rest != `1 FROM "declared"` {
			return canned{}, query.Errorf(query.CodeInvalidCursorName, "cursor does not exist")
		}
		return canned{tag: "FETCH", columns: number}, nil
	case "set":
		if len(strings.Fields(rest)) < 2 {
			return canned{}, query.Errorf(query.CodeSyntaxError, "set wants a name and a value")
		}
		return canned{tag: "SET"}, nil
	case "warn":
		return canned{tag: "CREATE SOURCE", notices: []string{"the topic is empty"}}, nil
	case "rows":
		n, err := strconv.Atoi(rest)
		return canned{tag: "SELECT", columns: number, batches: func(context.Context, []any) ([]arrow.RecordBatch, error) {
			return numbers(n), nil
		}}, err
	case "sleep":
		return canned{tag: "SELECT", columns: number, batches: func(ctx context.Context, _ []any) ([]arrow.RecordBatch, error) {
			<-ctx.Done()
			return nil, errors.New("INTERRUPT Error: Interrupted!")
		}}, nil
	case "stream":
		n, err := strconv.Atoi(rest)
		return canned{tag: "SUBSCRIBE", live: true, columns: number, batches: func(context.Context, []any) ([]arrow.RecordBatch, error) {
			return append(numbers(n), nil), nil
		}}, err
	case "panic":
		if !s.db.calm {
			panic("asked to panic")
		}
	case "fail":
		if rest == "late" {
			return canned{tag: "SELECT", columns: number, batches: func(context.Context, []any) ([]arrow.RecordBatch, error) {
				return numbers(2), query.Errorf("22012", "division by zero")
			}}, nil
		}
		return canned{}, query.Errorf(query.CodeUndefinedTable, "relation %q does not exist", rest).At(6).WithHint("create it")
	case "echo":
		return canned{tag: "SELECT", params: []string{"VARCHAR"}, columns: []query.Column{{Name: "echo", Type: "VARCHAR"}},
			batches: func(_ context.Context, args []any) ([]arrow.RecordBatch, error) {
				return []arrow.RecordBatch{texts(fmt.Sprintf("%T %v", args[0], args[0]))}, nil
			}}, nil
	}
	return canned{}, query.Errorf(query.CodeSyntaxError, "syntax error at or near %q", verb).At(1)
}

func (s *fakeSession) Prepare(_ context.Context, sql string, types []string) (*query.Statement, error) {
	if s.status == 'E' && sql != "rollback" && sql != "commit" {
		return nil, query.Errorf(query.CodeInFailedTransaction, "current transaction is aborted, commands ignored until end of transaction block")
	}
	st, err := s.find(sql)
	if err != nil {
		s.failed()
		return nil, err
	}
	s.db.mu.Lock()
	s.db.prepared = append(s.db.prepared, types)
	s.db.mu.Unlock()
	out := &query.Statement{SQL: sql, Tag: st.tag, Params: st.params, Columns: st.columns, Live: st.live, Copy: st.copy}
	if st.copy != nil {
		out.Columns = nil
	}
	return out, nil
}

func (s *fakeSession) failed() {
	if s.status == 'T' {
		s.status = 'E'
	}
}

func (s *fakeSession) Execute(_ context.Context, st *query.Statement, args []any) (*query.Result, error) {
	if s.open {
		return nil, query.Errorf(query.CodeInternal, "a result is still open")
	}
	s.db.mu.Lock()
	s.db.args = append(s.db.args, args)
	s.db.mu.Unlock()
	switch st.Tag {
	case "BEGIN":
		s.status = 'T'
	case "COMMIT", "ROLLBACK":
		s.status = 'I'
	case "SET":
		words := strings.Fields(st.SQL)
		s.settings[words[1]] = strings.Join(words[2:], " ")
	}
	found, err := s.find(st.SQL)
	if err != nil {
		return nil, err
	}
	s.open = true
	s.db.open.Add(1)
	var batches []arrow.RecordBatch
	var failure error
	started := false
	next := func(ctx context.Context) (arrow.RecordBatch, error) {
		if !started && found.batches != nil {
			batches, failure = found.batches(ctx, args)
		}
		started = true
		if len(batches) > 0 {
			b := batches[0]
			batches = batches[1:]
			if b == nil {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return b, nil
		}
		if failure != nil {
			s.failed()
			return nil, failure
		}
		return nil, io.EOF
	}
	result := query.NewResult(found.columns, found.tag, next, func() {
		s.open = false
		s.db.open.Add(-1)
	})
	result.Notices, result.Live, result.Copy = found.notices, found.live, found.copy
	return result, nil
}

// numbers returns 1 to n in batches of 3.
func numbers(n int) []arrow.RecordBatch {
	n = min(n, 100_000) // a fuzzer asks for more
	var batches []arrow.RecordBatch
	for i := 1; i <= n; {
		b := array.NewInt64Builder(memory.DefaultAllocator)
		for ; i <= n && b.Len() < 3; i++ {
			b.Append(int64(i))
		}
		batches = append(batches, record(b.NewArray()))
	}
	return batches
}

func texts(values ...string) arrow.RecordBatch {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	b.AppendValues(values, nil)
	return record(b.NewArray())
}

func record(columns ...arrow.Array) arrow.RecordBatch {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: "c" + strconv.Itoa(i), Type: c.DataType(), Nullable: true}
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, int64(columns[0].Len()))
}

// arrayOfValues builds an array of the given values; see appendValue.
func arrayOfValues(t testing.TB, typ arrow.DataType, values ...any) arrow.Array {
	t.Helper()
	b := array.NewBuilder(memory.DefaultAllocator, typ)
	for _, v := range values {
		appendValue(t, b, v)
	}
	return b.NewArray()
}

// appendValue appends nil, the text of a value, its number in the array, an
// interval, bytes, or a list.
func appendValue(t testing.TB, builder array.Builder, value any) {
	t.Helper()
	switch v := value.(type) {
	case nil:
		builder.AppendNull()
	case string:
		if err := builder.AppendValueFromString(v); err != nil {
			t.Fatalf("%s: %v", builder.Type(), err)
		}
	case int64:
		switch b := builder.(type) {
		case *array.Date32Builder:
			b.Append(arrow.Date32(v))
		case *array.Time64Builder:
			b.Append(arrow.Time64(v))
		case *array.TimestampBuilder:
			b.Append(arrow.Timestamp(v))
		default:
			t.Fatalf("no number for %s", builder.Type())
		}
	case float64:
		builder.(*array.Float64Builder).Append(v)
	case decimal128.Num:
		builder.(*array.Decimal128Builder).Append(v)
	case batch.IntervalValue:
		builder.(*array.MonthDayNanoIntervalBuilder).Append(arrow.MonthDayNanoInterval{
			Months: v.Months, Days: v.Days, Nanoseconds: v.Micros * 1000,
		})
	case []byte:
		builder.(*array.BinaryBuilder).Append(v)
	case []any:
		switch b := builder.(type) {
		case array.ListLikeBuilder:
			b.Append(true)
			for _, e := range v {
				appendValue(t, b.ValueBuilder(), e)
			}
		case *array.StructBuilder:
			b.Append(true)
			for i, e := range v {
				appendValue(t, b.FieldBuilder(i), e)
			}
		default:
			t.Fatalf("no list for %s", builder.Type())
		}
	default:
		t.Fatalf("no %T for %s", value, builder.Type())
	}
}

// startServer serves db until the test ends and returns where.
func startServer(t testing.TB, db Database, o Options) (*Server, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(db, o)
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return s, listener.Addr().String()
}
