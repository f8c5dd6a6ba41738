package pgwire

import (
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// reportedSettings are the settings that clients are told, in the order in
// which they are at the start, with the values of a session that knows no
// better. pgjdbc gives up on a client_encoding other than UTF8 or a DateStyle
// that isn't ISO, and DBeaver on a server_version that doesn't start with a
// number; 15 is old enough that clients don't ask for newer catalogs.
var reportedSettings = [...]struct{ name, fallback string }{
	{"server_version", "15.0 (Millstream)"},
	{"server_encoding", "UTF8"},
	{"client_encoding", "UTF8"},
	{"DateStyle", "ISO, MDY"},
	{"IntervalStyle", "postgres"},
	{"TimeZone", "UTC"},
	{"integer_datetimes", "on"},
	{"standard_conforming_strings", "on"},
	{"application_name", ""},
	{"is_superuser", "off"},
	{"session_authorization", ""},
	{"in_hot_standby", "off"},
	{"default_transaction_read_only", "off"},
}

// reportSettings sends the settings that the client doesn't know yet.
func (c *connection) reportSettings(first bool) {
	for i, s := range reportedSettings {
		value := c.session.Setting(s.name)
		if value == "" {
			value = s.fallback
			if s.name == "session_authorization" {
				value = c.user
			}
		}
		if first || value != c.reported[i] {
			c.reported[i] = value
			c.out.send(&pgproto3.ParameterStatus{Name: s.name, Value: value})
		}
	}
}

// zone returns the session's time zone. A name that Go doesn't know is UTC: the
// instant stays right, and the offset says so.
func (c *connection) zone() *time.Location {
	name := c.session.Setting("TimeZone")
	if c.zoneCache == nil || name != c.zoneName {
		zone, err := time.LoadLocation(name)
		if err != nil || name == "Local" {
			zone = time.UTC
		}
		c.zoneName, c.zoneCache = name, zone
	}
	return c.zoneCache
}
