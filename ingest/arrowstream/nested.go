package arrowstream

import (
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// structFields returns the column of a STRUCT that each field of an Arrow struct is, -1 for
// none.
func structFields(from *arrow.StructType, typ batch.Type) (columnOf, missing []int) {
	names := make([]decode.Field, from.NumFields())
	for i, f := range from.Fields() {
		names[i] = decode.Field{Name: f.Name}
	}
	schema := batch.NewSchema(typ.Children())
	columnOf = decode.ColumnsOf(names, schema)
	return columnOf, decode.Missing(columnOf, schema)
}

// nests reports whether values of an Arrow type can be those of a nested one: of
// scalars inside, each value has to show.
func nests(from arrow.DataType, typ batch.Type) bool {
	from = storage(from)
	switch typ.Kind {
	case batch.Struct:
		s, ok := from.(*arrow.StructType)
		if !ok {
			return false
		}
		columnOf, missing := structFields(s, typ)
		for i, c := range columnOf {
			if c >= 0 && !nests(s.Field(i).Type, typ.Children()[c].Type) {
				return false
			}
		}
		return len(missing) < len(typ.Children())
	case batch.List:
		l, ok := from.(arrow.ListLikeType)
		return ok && from.ID() != arrow.MAP && nests(l.Elem(), typ.Element())
	case batch.Map:
		m, ok := from.(*arrow.MapType)
		entry := typ.Element().Children()
		return ok && nests(m.KeyType(), entry[0].Type) && nests(m.ItemType(), entry[1].Type)
	}
	return true
}

// nesting makes appenders for nested values, for which nests holds.
type nesting struct {
	mem    *batch.Allocator
	limits decode.Limits
	held   []*batch.Builder
	spent  int // scalar values in lists and maps of the row
}

// release gives up what the appenders have used.
func (n *nesting) release() {
	for _, b := range n.held {
		b.Release()
	}
}

// of returns how values, NULL among them, become those of a column.
func (n *nesting) of(arr arrow.Array, typ batch.Type) appender {
	arr = plain(arr)
	var add appender
	switch {
	case typ.Kind == batch.Struct:
		add = n.ofStruct(arr.(*array.Struct), typ)
	case typ.Kind == batch.List:
		add = n.ofList(arr.(array.ListLike), typ)
	case typ.Kind == batch.Map:
		add = n.ofMap(arr.(*array.Map), typ)
	case direct(arr.DataType(), typ):
		return appenderOf(arr, typ)
	default:
		return n.ofText(arr, typ)
	}
	return func(c *batch.ColumnBuilder, row int) error {
		if arr.IsNull(row) {
			c.AppendNull()
			return nil
		}
		return add(c, row)
	}
}

func (n *nesting) ofStruct(a *array.Struct, typ batch.Type) appender {
	columnOf, missing := structFields(a.DataType().(*arrow.StructType), typ)
	fields := make([]appender, len(typ.Children()))
	for i, c := range columnOf {
		if c >= 0 {
			fields[c] = n.of(a.Field(i), typ.Children()[c].Type)
		}
	}
	return func(c *batch.ColumnBuilder, row int) error {
		for i, add := range fields {
			if add == nil {
				continue
			}
			if err := add(c.Child(i), row); err != nil {
				return fmt.Errorf("field %q: %w", typ.Children()[i].Name, err)
			}
		}
		for _, i := range missing {
			c.Child(i).AppendNull()
		}
		c.AppendStruct()
		return nil
	}
}

// spend counts the elements of a list, which may be too many.
func (n *nesting) spend(elements int64, typ batch.Type) error {
	cost := 1
	if nested := typ.Element().Nested; nested != nil {
		cost = nested.Leaves
	}
	if elements > decode.NestedValuesMax || n.spent+int(elements)*cost > decode.NestedValuesMax {
		return fmt.Errorf("the lists and maps of the row have more than %d values", decode.NestedValuesMax)
	}
	n.spent += int(elements) * cost
	return nil
}

func (n *nesting) ofList(a array.ListLike, typ batch.Type) appender {
	add := n.of(a.ListValues(), typ.Element())
	return func(c *batch.ColumnBuilder, row int) error {
		first, after := a.ValueOffsets(row)
		if err := n.spend(after-first, typ); err != nil {
			return err
		}
		for i := first; i < after; i++ {
			if err := add(c.Child(0), int(i)); err != nil {
				return fmt.Errorf("element %d: %w", i-first+1, err)
			}
		}
		c.AppendList()
		return nil
	}
}

func (n *nesting) ofMap(a *array.Map, typ batch.Type) appender {
	entry := typ.Element().Children()
	keys := plain(a.Keys())
	key, value := n.of(keys, entry[0].Type), n.of(a.Items(), entry[1].Type)
	return func(c *batch.ColumnBuilder, row int) error {
		first, after := a.ValueOffsets(row)
		if err := n.spend(after-first, typ); err != nil {
			return err
		}
		entries := c.Child(0)
		for i := int(first); i < int(after); i++ {
			if keys.IsNull(i) {
				return errors.New("a key of a map is null")
			}
			err := key(entries.Child(0), i)
			if err == nil {
				err = value(entries.Child(1), i)
			}
			if err != nil {
				return fmt.Errorf("entry %d: %w", i-int(first)+1, err)
			}
			entries.AppendStruct()
		}
		c.AppendMap()
		return nil
	}
}

// ofText takes scalars by their text.
func (n *nesting) ofText(arr arrow.Array, typ batch.Type) appender {
	schema := batch.NewSchema([]batch.Column{{Name: "value", Type: typ}})
	one := batch.NewBuilder(n.mem, schema)
	n.held = append(n.held, one)
	texts, text := decode.NewTexts(schema, []int{0}, n.limits), texterOf(arr)
	return func(c *batch.ColumnBuilder, row int) error {
		value, ok := text(row)
		if !ok {
			c.AppendNull()
			return nil
		}
		texts.Set(0, value)
		if err := texts.Decode(one); err != nil {
			return errors.New(strings.TrimPrefix(err.Error(), `column "value": `))
		}
		v := one.Column(0).Vector()
		c.AppendFrom(&v, 0)
		one.Truncate(0)
		return nil
	}
}
