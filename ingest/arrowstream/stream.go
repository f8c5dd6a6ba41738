package arrowstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
	"github.com/millstream-db/millstream/ingest/records"
)

// Read reads a whole stream into a collector of rows with the columns of schema.
// It takes at most so many bytes of memory besides, and so many rows. An error says that the stream
// is broken, or has none of the columns; rows before it may have been collected.
func Read(stream []byte, schema *batch.Schema, limits decode.Limits, memoryMax int64, c *records.Collector) (err error) {
	defer func() { // lengths and offsets are the sender's, and Arrow trusts them
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the stream is broken: %v", cause)
		}
	}()
	if err := verify(stream); err != nil {
		return err
	}
	r, err := ipc.NewReader(bytes.NewReader(stream), ipc.WithAllocator(&bounded{memory.DefaultAllocator, memoryMax}))
	if err != nil {
		return err
	}
	defer r.Release()
	t, err := newTable(r.Schema(), schema, limits)
	if err != nil {
		return err
	}
	for rows := int64(0); ; {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if rec.NumRows() < 0 {
			return fmt.Errorf("a record batch has %d rows", rec.NumRows())
		}
		if rows += rec.NumRows(); rows > memoryMax { // a column of NULLs takes no memory
			return errors.New("it has too many rows")
		}
		t.add(rec, c)
	}
}

// bounded is an allocator that gives up beyond a limit. What was freed counts too:
// it is for one stream.
type bounded struct {
	memory.Allocator
	left int64
}

func (b *bounded) Allocate(size int) []byte {
	b.take(int64(size))
	return b.Allocator.Allocate(size)
}

func (b *bounded) Reallocate(size int, old []byte) []byte {
	b.take(int64(size))
	return b.Allocator.Reallocate(size, old)
}

func (b *bounded) take(n int64) {
	if b.left -= n; n < 0 || b.left < 0 {
		panic("it unpacks to more memory than is allowed") // which the reader makes an error of
	}
}

// table makes rows of the record batches of one stream.
type table struct {
	columnOf []int // by field, -1 none
	absent   []int
	textOf   []int // by column, its place among texts
	texts    *decode.Texts
	schema   *batch.Schema
	limits   decode.Limits
}

func newTable(from *arrow.Schema, schema *batch.Schema, limits decode.Limits) (*table, error) {
	fields := make([]decode.Field, from.NumFields())
	for i, f := range from.Fields() {
		fields[i] = decode.Field{Name: f.Name}
	}
	t := &table{columnOf: decode.ColumnsOf(fields, schema), schema: schema, limits: limits, textOf: make([]int, len(schema.Columns))}
	t.absent = decode.Missing(t.columnOf, schema)
	var textual []int
	var refused decode.RefusedError
	for i, column := range t.columnOf {
		if column < 0 {
			continue
		}
		if c := schema.Columns[column]; c.Type.Nested != nil {
			if f := from.Field(i); !nests(f.Type, c.Type) {
				refused.Add(c, f.Name, f.Type, decode.ErrFamily)
			}
		} else if !direct(from.Field(i).Type, c.Type) {
			t.textOf[column] = len(textual)
			textual = append(textual, column)
		}
	}
	if err := refused.Check(t.absent, schema); err != nil {
		return nil, err
	}
	t.texts = decode.NewTexts(schema, textual, limits)
	return t, nil
}

// add collects the rows of a record batch.
func (t *table) add(rec arrow.RecordBatch, c *records.Collector) {
	type column struct {
		at     int
		append appender // nil: by its text
		text   texter
	}
	var columns []column
	n := nesting{mem: batch.NewAllocator(), limits: t.limits}
	defer n.release()
	for i, at := range t.columnOf {
		if at < 0 {
			continue
		}
		col := column{at: at}
		arr := plain(rec.Column(i))
		if typ := t.schema.Columns[at].Type; typ.Nested != nil {
			col.append = n.of(arr, typ)
		} else if direct(rec.Column(i).DataType(), typ) {
			col.append = appenderOf(arr, typ)
		} else {
			col.text = texterOf(arr)
		}
		columns = append(columns, col)
	}
	for row := range int(rec.NumRows()) {
		var failure error
		c.Append(func(b *batch.Builder) bool {
			before := b.Rows()
			n.spent = 0
			for i := range columns {
				if x := &columns[i]; x.text != nil {
					if text, ok := x.text(row); ok {
						t.texts.Set(t.textOf[x.at], text)
					}
				}
			}
			failure = t.texts.Decode(b)
			for i := 0; i < len(columns) && failure == nil; i++ {
				if x := &columns[i]; x.append != nil {
					if err := x.append(b.Column(x.at), row); err != nil {
						failure = fmt.Errorf("column %q: %w", t.schema.Columns[x.at].Name, err)
					}
				}
			}
			if failure != nil {
				b.Truncate(before)
				return false
			}
			for _, i := range t.absent {
				b.Column(i).AppendNull()
			}
			return true
		})
		if failure != nil {
			c.Reject(shown(rec, row), failure.Error())
		}
	}
}

// shown is a row as JSON, for people who look at rejected records.
func shown(rec arrow.RecordBatch, row int) []byte {
	values := make(map[string]any, rec.NumCols())
	for i, f := range rec.Schema().Fields() {
		values[f.Name] = rec.Column(i).GetOneForMarshal(row)
	}
	text, err := json.Marshal(values)
	if err != nil { // a NaN, which JSON does not have
		return fmt.Append(nil, values)
	}
	return text
}
