package pgwire

import (
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/server/pgwire/datetime"
)

// textTime reads dates, times and intervals in ISO form, and reports whether it
// could. A TIMESTAMPTZ without an offset is not read: it is local time, and the
// engine knows the session's zone.
func textTime(oid uint32, text string) (any, bool) {
	switch oid {
	case oidInterval:
		v, ok := datetime.ParseInterval(text)
		return v, ok
	case oidTime:
		v, ok := datetime.ParseTime(text)
		return batch.TimeValue(v), ok
	case oidDate:
		v, ok := datetime.ParseDate(text)
		return batch.DateValue(v), ok
	}
	micros, ok := datetime.ParseTimestamp(text, oid == oidTimestampTZ)
	if oid == oidTimestamp {
		return batch.TimestampValue(micros), ok
	}
	return batch.TimestampTZValue(micros), ok
}
