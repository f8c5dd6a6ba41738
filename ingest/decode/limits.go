package decode

// The limits that apply where Limits has a zero.
const (
	DefaultMaxBytes  = 1 << 20
	DefaultMaxDepth  = 64
	DefaultMaxFields = 1000
)

// Limits bound one record, so that none can stall a reader. A value that is
// zero or negative means the default.
type Limits struct {
	MaxBytes  int // the length of the record, default 1 MiB
	MaxDepth  int // objects and arrays inside one another, the record itself being the first; default 64
	MaxFields int // fields of the record itself, unknown and repeated ones included; default 1000
}

// WithDefaults returns the limits with the defaults for those that are not given.
func (l Limits) WithDefaults() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	if l.MaxDepth <= 0 {
		l.MaxDepth = DefaultMaxDepth
	}
	if l.MaxFields <= 0 {
		l.MaxFields = DefaultMaxFields
	}
	return l
}
