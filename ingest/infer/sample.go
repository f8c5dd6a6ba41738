package infer

import (
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
)

// fieldsMax is how many fields are looked at.
const fieldsMax = 2000

// Position is where a record of the sample comes from.
type Position struct {
	Partition       int32
	TimestampMicros int64 // when it was written, 0 unknown
}

// Sample is some records of a topic, those of each partition in their order. It is
// not safe for concurrent use, and must be released.
type Sample struct {
	fields  *decode.Fields
	probes  *prober
	columns []*column
	byName  map[string]*column // in lower case: a column takes fields of any letter case
	records int
	wrong   int   // records that can't be decoded whatever the columns are
	problem error // of the first of them
	beyond  bool  // there are more fields than are looked at
}

// NewSample returns a sample of records that are decoded under limits.
func NewSample(limits decode.Limits) *Sample {
	limits = limits.WithDefaults()
	return &Sample{fields: decode.NewFields(limits), probes: newProber(limits), byName: make(map[string]*column)}
}

// Release frees the sample's memory.
func (s *Sample) Release() { s.probes.release() }

// Add looks at a record's value, and keeps nothing of it.
func (s *Sample) Add(value []byte, at Position) {
	err := s.fields.Of(value, func(name string, kind decode.Kind, raw []byte) {
		if c := s.column(name); c != nil {
			c.add(kind, raw, at, s.probes)
		}
	})
	switch {
	case err == nil:
		s.records++
	case s.wrong == 0:
		s.problem = err
		fallthrough
	default:
		s.wrong++
	}
}

// column returns that of a field, nil if there are too many.
func (s *Sample) column(name string) *column {
	lower := strings.ToLower(name)
	c := s.byName[lower]
	if c == nil && len(s.columns) < fieldsMax {
		c = newColumn(name)
		s.columns = append(s.columns, c)
		s.byName[lower] = c
	} else if c == nil {
		s.beyond = true
	}
	return c
}

// Describe returns the columns of the records. The error says why there are none.
func (s *Sample) Describe() (source.Description, error) {
	switch {
	case s.records == 0 && s.wrong == 0:
		return source.Description{}, source.ErrNothingToDescribe
	case s.records == 0:
		return source.Description{}, fmt.Errorf("none of %d records can be read; the first: %w", s.wrong, s.problem)
	}
	var p decode.Proposal
	var kept []*column
	for _, c := range s.columns {
		had := len(p.Columns)
		if p.Add(c.name, batch.Type{Kind: c.kind()}); len(p.Columns) > had {
			kept = append(kept, c)
		}
	}
	if len(kept) == 0 {
		return source.Description{}, fmt.Errorf("none of %d records has a field that can be a column", s.records)
	}
	d := source.Description{From: s.String(), Columns: p.Columns, Omitted: p.Omitted}
	if c := eventTime(kept, s.records); c != nil {
		d.EventTime, d.Delay = c.name, c.times.delay()
	}
	return d, nil
}

// String says how many records there are.
func (s *Sample) String() string {
	text := fmt.Sprintf("%d records", s.records)
	if s.records == 1 {
		text = "1 record"
	}
	if s.wrong > 0 {
		text += fmt.Sprintf(" (%d more can't be read: %v)", s.wrong, s.problem)
	}
	if s.beyond {
		text += fmt.Sprintf(" (fields besides the first %d were not looked at)", fieldsMax)
	}
	return text
}
