package narrow

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/engine/window"
	"github.com/millstream-db/millstream/query/gate"
	"github.com/millstream-db/millstream/query/plancache"
)

// Shape is which columns of a view are columns of its state as they are. It is not
// changed once it is made.
type Shape struct {
	Start   string   // the column that is window_start, "" for none
	Keys    []string // those that are keys, and Start
	Orders  []string // those by which the first rows can be found
	Windows []string // window_start and window_end
	state   map[string]stateColumn
	def     *catalog.ViewDefinition
}

// stateColumn is a column of the relation {{state}}.
type stateColumn struct {
	index, key int // key is -1 for a column that is none
	typ        batch.Type
}

// Of returns what a relation is, which is the view, for the gate.
func (s *Shape) Of(r gate.Relation) gate.Relation {
	r.EventTime, r.Keys, r.Orders, r.Windows, r.Tag = s.Start, s.Keys, s.Orders, s.Windows, s
	return r
}

// Shapes are the shapes of views that were asked for. It is safe for concurrent use.
type Shapes struct {
	serialize func(sql string) ([]byte, error)
	known     *plancache.Cache[*catalog.ViewDefinition, *Shape]
}

// shapesKept is how many are remembered at least.
const shapesKept = 1000

// NewShapes takes what json_serialize_sql says of a statement.
func NewShapes(serialize func(sql string) (tree []byte, err error)) *Shapes {
	return &Shapes{serialize, plancache.New[*catalog.ViewDefinition, *Shape](shapesKept)}
}

// Of returns the shape of a view with groups.
func (s *Shapes) Of(def *catalog.ViewDefinition) *Shape {
	shape, ok := s.known.Get(def)
	if !ok {
		tree, _ := s.serialize(statement(&def.Plan)) // without a tree nothing is known
		shape = shapeOf(def, tree)
		s.known.Put(def, shape)
	}
	return shape
}

// statement returns the text of which shapeOf needs the tree.
func statement(def *view.Definition) string {
	sql := strings.ReplaceAll(def.Result, "{{state}}", "state")
	sql = strings.ReplaceAll(sql, "{{bag", "bag")
	return strings.ReplaceAll(sql, "}}", "")
}

// selectNode is the part of a tree that shapeOf looks at.
type selectNode struct {
	Type       string            `json:"type"`
	Modifiers  []json.RawMessage `json:"modifiers"`
	SelectList []struct {
		Class string   `json:"class"`
		Names []string `json:"column_names"`
	} `json:"select_list"`
	From struct {
		Type string `json:"type"`
		Name string `json:"table_name"`
	} `json:"from_table"`
	Where    any    `json:"where_clause"`
	Groups   []any  `json:"group_expressions"`
	Handling string `json:"aggregate_handling"`
	Having   any    `json:"having"`
	Sample   any    `json:"sample"`
	Qualify  any    `json:"qualify"`
}

// shapeOf returns the shape of a view, from what json_serialize_sql says of
// statement. A view of which nothing is known has an empty one: so it is when rows
// of its result depend on more than a row of the state each.
func shapeOf(of *catalog.ViewDefinition, tree []byte) *Shape {
	def := &of.Plan
	var parsed struct {
		Statements []struct{ Node json.RawMessage }
	}
	var n selectNode
	if json.Unmarshal(tree, &parsed) != nil || len(parsed.Statements) != 1 || json.Unmarshal(parsed.Statements[0].Node, &n) != nil {
		return &Shape{}
	}
	single := n.Type == "SELECT_NODE" && n.From.Type == "BASE_TABLE" && n.From.Name == "state"
	if !single || len(n.Modifiers)+len(n.Groups) > 0 || n.Having != nil || n.Sample != nil || n.Qualify != nil || mixesRows(parsed.Statements[0].Node) {
		return &Shape{}
	}
	columns, err := def.StateColumns()
	if err != nil || len(n.SelectList) != len(def.Columns) {
		return &Shape{}
	}
	s := &Shape{def: of, state: make(map[string]stateColumn)}
	for i, item := range n.SelectList {
		if item.Class != "COLUMN_REF" || len(item.Names) != 1 {
			continue
		}
		at := slices.IndexFunc(columns, func(c batch.Column) bool { return c.Name == item.Names[0] })
		if at >= 0 {
			s.add(def, def.Columns[i].Name, at, columns[at], n.Where == nil)
		}
	}
	return s
}

// add notes that a column of the view is a column of the state.
func (s *Shape) add(def *view.Definition, name string, at int, c batch.Column, unfiltered bool) {
	if c.Type.Nested != nil { // of which the state has the bytes
		return
	}
	column := stateColumn{index: at, key: -1, typ: c.Type}
	windows := 0
	if def.Window != nil {
		windows = 2
	}
	switch {
	case at < windows:
		if def.Window.Kind == window.Session {
			return
		}
		s.Windows = append(s.Windows, name)
		if at == 0 && s.Start == "" {
			s.Start = name
			s.Keys = append(s.Keys, name)
		}
	case at-windows < len(def.Keys):
		column.key = at - windows
		s.Keys = append(s.Keys, name)
	case unfiltered && view.Orderable(c.Type):
		s.Orders = append(s.Orders, name)
	}
	s.state[name] = column
}

// mixesRows reports whether a tree has something that looks at more than one row.
func mixesRows(tree []byte) bool {
	for _, class := range []string{`"class":"WINDOW"`, `"class":"SUBQUERY"`} {
		if strings.Contains(string(tree), class) {
			return true
		}
	}
	return false
}
