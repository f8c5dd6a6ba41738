package enginetest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// Column is a column of a source.
type Column struct {
	Name      string
	Type      batch.Type
	Generated string // SQL over the other columns, "" for one that records carry

	wild   bool // floats whose sums are not exact
	domain []Value
	nulls  int // one value in so many is NULL
}

// Source is a random source. Records carry its columns in order, the generated
// ones left out.
type Source struct {
	Name        string
	Focus       Focus
	Columns     []Column
	EventTime   int // index into Columns
	DelayMicros int64
	// StepMicros is the mean event time between records, by which the widths of
	// windows are chosen.
	StepMicros int64
	Partitions int
	Infinite   bool // some event times are infinite
	joins      joins
	of         *LiveView // whose stream it is, nil for a source
	number     string    // the column that Number has added
	calm       bool
	Rounded    bool // event times are multiples of the step, so that many hit the bounds of windows
}

var scalarKinds = []batch.Kind{
	batch.Boolean, batch.TinyInt, batch.SmallInt, batch.Integer, batch.BigInt, batch.UTinyInt, batch.USmallInt, batch.UInteger,
	batch.UBigInt, batch.HugeInt, batch.Real, batch.Double, batch.Decimal, batch.Varchar, batch.Blob, batch.Date, batch.Time,
	batch.Timestamp, batch.TimestampTZ, batch.Interval, batch.UUID, batch.JSON,
}

// NewSource returns a random source.
func NewSource(r *rand.Rand) *Source {
	s := &Source{
		Name: "s", StepMicros: pick(r, int64(50e3), 1e6, 30e6, 600e6, 6*3600e6), Partitions: pick(r, 1, 1, 2, 3, 4), Infinite: chance(r, 8),
		Rounded: chance(r, 2), Focus: newFocus(r),
	}
	s.DelayMicros = pick(r, 0, 0, 1, s.StepMicros, 20*s.StepMicros, int64(r.IntN(50))*s.StepMicros)
	if s.Rounded {
		s.DelayMicros -= s.DelayMicros % s.StepMicros
	}
	eventTime := r.IntN(3)
	for i := range 3 + r.IntN(7) {
		c := Column{Name: fmt.Sprint("c", i)}
		if i == eventTime {
			s.EventTime = i
			c.Name, c.Type.Kind, c.nulls = "ts", pick(r, batch.Timestamp, batch.TimestampTZ), pick(r, 1<<30, 50)
		} else {
			c.randomize(r)
		}
		s.Columns = append(s.Columns, c)
	}
	if chance(r, 3) {
		s.generate(r)
	}
	return s
}

// randomize chooses a type and the values that records have of it.
func (c *Column) randomize(r *rand.Rand) {
	c.Type = batch.Type{Kind: pick(r, scalarKinds...)}
	if chance(r, 4) { // what people group by
		c.Type.Kind = pick(r, batch.Varchar, batch.Integer)
	}
	if c.Type.Kind == batch.Decimal {
		c.Type.Precision = uint8(pick(r, 4, 9, 18, 19, 38))
		c.Type.Scale = uint8(pick(r, 0, 2, int(c.Type.Precision)/2))
	}
	c.wild = chance(r, 3)
	c.nulls = pick(r, 1<<30, 20, 3)
	for range pick(r, 0, 1, 4, 20) {
		c.domain = append(c.domain, randomValue(r, c.Type, c.wild))
	}
}

// value returns a value for a record.
func (c *Column) value(r *rand.Rand) Value {
	if chance(r, c.nulls) {
		return nil
	}
	if len(c.domain) > 0 {
		return pick(r, c.domain...)
	}
	return randomValue(r, c.Type, c.wild)
}

// generate adds a generated column.
func (s *Source) generate(r *rand.Rand) {
	of := s.Columns[r.IntN(len(s.Columns))]
	c := Column{Name: "g"}
	switch {
	case integerBits[of.Type.Kind] != 0:
		c.Generated, c.Type.Kind = of.Name+"::HUGEINT * 2 + 1", batch.HugeInt
	case of.Type.Kind == batch.Varchar:
		c.Generated, c.Type.Kind = "upper("+of.Name+") || '!'", batch.Varchar
	case of.Type.Kind == batch.JSON:
		c.Generated, c.Type.Kind = of.Name+"->>'$.k'", batch.Varchar
	default:
		c.Generated, c.Type.Kind = of.Name+"::VARCHAR", batch.Varchar
	}
	s.Columns = append(s.Columns, c)
}

// CreateSQL returns the statement that makes the source.
func (s *Source) CreateSQL() string {
	var items []string
	for _, c := range s.Columns {
		item := c.Name + " " + c.Type.String()
		if c.Generated != "" {
			item += " AS (" + c.Generated + ")"
		}
		items = append(items, item)
	}
	ts := s.Columns[s.EventTime].Name
	items = append(items, fmt.Sprintf("WATERMARK FOR %s AS %s - INTERVAL '%d microseconds'", ts, ts, s.DelayMicros))
	// The judge has no clock: no partition ever falls idle.
	return "CREATE SOURCE " + s.Name + " (" + strings.Join(items, ", ") + ") WITH (watermark.idle_timeout = '1000 days')"
}

// Decoded returns the columns that records carry.
func (s *Source) Decoded() []Column {
	var out []Column
	for _, c := range s.Columns {
		if c.Generated == "" {
			out = append(out, c)
		}
	}
	return out
}

// eventTime returns nil for the columns of a table.
func (s *Source) eventTime() *Column {
	if s.EventTime < 0 {
		return nil
	}
	return &s.Columns[s.EventTime]
}

func (s *Source) timeName() string {
	if s.EventTime < 0 {
		return ""
	}
	return s.Columns[s.EventTime].Name
}
