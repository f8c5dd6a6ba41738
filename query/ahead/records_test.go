package ahead

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

var errLost = errors.New("lost")

// TestRecords reads results of records of so many rows, which end by an error or not.
func TestRecords(t *testing.T) {
	for _, c := range []struct {
		name  string
		rows  []int
		err   error
		ahead int   // how often Read asks
		read  error // that Read returns
		want  []int // rows that Next returns before the end
	}{
		{"nothing", nil, io.EOF, 1, nil, nil},
		{"one record", []int{3}, io.EOF, 2, nil, []int{3}},
		{"two records", []int{3, 4}, io.EOF, 2, nil, []int{3, 4}},
		{"many records", []int{3, 4, 5}, io.EOF, 2, nil, []int{3, 4, 5}},
		{"a large result", []int{2048, 2048}, io.EOF, 1, nil, []int{2048, 2048}},
		{"an error at once", nil, errLost, 1, errLost, nil},
		{"an error behind one record", []int{3}, errLost, 2, errLost, nil},
		{"an error later", []int{3, 4, 5}, errLost, 2, nil, []int{3, 4, 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			allocator := memory.NewCheckedAllocator(memory.NewGoAllocator())
			defer allocator.AssertSize(t, 0)
			s := &source{allocator: allocator, rows: c.rows, err: c.err}
			defer s.release()
			r := New(s.next)
			defer r.Close()
			if err := r.Read(); !errors.Is(err, c.read) || s.asked != c.ahead {
				t.Fatalf("%v after asking %d times, want %v after %d", err, s.asked, c.read, c.ahead)
			}
			if c.read != nil {
				return
			}
			var got []int
			for {
				record, err := r.Next()
				if err != nil {
					if !errors.Is(err, c.err) {
						t.Errorf("%v at the end, want %v", err, c.err)
					}
					break
				}
				got = append(got, int(record.NumRows()))
				if n := record.Column(0).(*array.Int64).Value(0); n != int64(len(got)) {
					t.Errorf("record %d comes as number %d", n, len(got))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("records of %v rows, want %v", got, c.want)
			}
		})
	}
}

// TestCloseEarly closes what was read ahead and not asked for.
func TestCloseEarly(t *testing.T) {
	for asked := range 3 {
		t.Run(fmt.Sprint(asked), func(t *testing.T) {
			allocator := memory.NewCheckedAllocator(memory.NewGoAllocator())
			defer allocator.AssertSize(t, 0)
			s := &source{allocator: allocator, rows: []int{1, 1, 1}, err: io.EOF}
			defer s.release()
			r := New(s.next)
			if err := r.Read(); err != nil {
				t.Fatal(err)
			}
			for range asked {
				if _, err := r.Next(); err != nil {
					t.Fatal(err)
				}
			}
			r.Close()
		})
	}
}

// source makes records, each of which is valid until the next call.
type source struct {
	allocator memory.Allocator
	rows      []int
	err       error
	asked     int
	record    arrow.RecordBatch
}

func (s *source) next() (arrow.RecordBatch, error) {
	s.release()
	s.asked++
	if s.asked > len(s.rows) {
		return nil, s.err
	}
	b := array.NewInt64Builder(s.allocator)
	defer b.Release()
	for range s.rows[s.asked-1] {
		b.Append(int64(s.asked))
	}
	column := b.NewInt64Array()
	defer column.Release()
	s.record = array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil), []arrow.Array{column}, int64(column.Len()))
	return s.record, nil
}

func (s *source) release() {
	if s.record != nil {
		s.record.Release()
		s.record = nil
	}
}
