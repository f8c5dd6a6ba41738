package gate

// Relation is what a name in a query stands for.
type Relation struct {
	Schema, Name string // canonical spelling
	// EventTime is the column whose bounds are wanted; empty: none.
	EventTime string
	// Columns are the relation's columns, if the caller knows them. They are
	// needed only to tell a column called current_date from the date.
	Columns []string
	// Keys are the columns of which it is wanted what they are held equal to.
	Keys []string
	// Orders are the columns of which it is wanted whether the query shows only the
	// first rows by them, and Windows those that its condition may then speak of:
	// rows of one window are alike in them.
	Orders, Windows []string
	// Tag is the caller's own, and given back in Ref.
	Tag any
}

// Relations knows the catalog.
type Relations interface {
	// Lookup resolves a name. The schema is empty where none was written. Both
	// arrive as written: DuckDB's tree doesn't say whether they were quoted.
	Lookup(schema, name string) (Relation, bool)
	// Names returns names that a mistyped one may have meant.
	Names() []string
	// Macro reports whether a function of this name, in lower case, is one of
	// Millstream's own SQL macros and so allowed whatever the list says.
	Macro(name string) bool
}

// Ref is one place in a query where a relation is read.
type Ref struct {
	Schema, Name string // as Relations gave them
	Position     int    // byte offset in the text; NoOffset: unknown
	Tag          any
}

// Reads is what an allowed query reads.
type Reads struct {
	Relations  []Ref       // in the order they were met; one relation may be there more than once
	Functions  []string    // lower case, sorted, without repetition; operators are functions too
	Volatile   bool        // the result may change while no relation does: now(), random(), a sample
	Params     int         // the highest parameter, $1 being 1
	Divides    bool        // with / or %, and nothing keeps a row from being computed; see plain
	TimeBounds []TimeBound // see TimeBound
	Keys       []KeyCondition
	Tops       []Top
}
