package query

import (
	"maps"
	"slices"
	"strings"
)

// settings is a session's settings map. Clients of Postgres set many that mean
// nothing here: they are kept and shown, and do nothing.
type settings struct {
	values, defaults map[string]string
	// before is the values at the start of the transaction: SET LOCAL, and
	// every SET of a transaction that is rolled back, return to them.
	before map[string]string
}

// spelling is how SHOW ALL and clients write the names that are not lower case.
var spelling = map[string]string{"timezone": "TimeZone", "datestyle": "DateStyle", "intervalstyle": "IntervalStyle"}

func newSettings(o SessionOptions, version string) settings {
	d := map[string]string{
		"server_version": "15.0", "server_version_num": "150000", "server_encoding": "UTF8", "client_encoding": "UTF8",
		"datestyle": "ISO, MDY", "intervalstyle": "postgres", "timezone": "UTC", "integer_datetimes": "on",
		"standard_conforming_strings": "on", "application_name": o.Application, "is_superuser": "off",
		"session_authorization": o.User, "in_hot_standby": "off", "default_transaction_read_only": "off",
		"transaction_read_only": "off", "transaction_isolation": "repeatable read", "default_transaction_isolation": "repeatable read",
		"search_path": "public", "statement_timeout": "0", "extra_float_digits": "1", "max_identifier_length": "63",
		"bytea_output": "hex", "client_min_messages": "notice", "lc_collate": "C", "lock_timeout": "0",
		"idle_in_transaction_session_timeout": "0", "idle_session_timeout": "0", "row_security": "off", "synchronous_commit": "on",
		"password_encryption": "scram-sha-256",
		backgroundSetting:     "off",
	}
	if version != "" {
		d["server_version"] = "15.0 (Millstream " + version + ")"
	}
	for name, value := range o.Settings {
		d[strings.ToLower(name)] = value
	}
	d["role"] = "none"
	return settings{values: maps.Clone(d), defaults: d}
}

func (s *settings) get(name string) string { return s.values[strings.ToLower(name)] }

// off reports whether a setting is switched off, in one of PostgreSQL's words.
func (s *settings) off(name string) bool {
	return slices.Contains([]string{"off", "false", "no", "0"}, strings.ToLower(s.get(name)))
}

func (s *settings) known(name string) bool {
	_, ok := s.values[strings.ToLower(name)]
	return ok
}

func (s *settings) set(name, value string) { s.values[name] = value }

func (s *settings) reset(name string) {
	if value, ok := s.defaults[name]; ok {
		s.values[name] = value
	} else {
		delete(s.values, name)
	}
}

func (s *settings) resetAll() { s.values = maps.Clone(s.defaults) }

func (s *settings) begin() { s.before = maps.Clone(s.values) }

// end closes the transaction: an aborted one takes its settings back.
func (s *settings) end(commit bool) {
	if !commit && s.before != nil {
		s.values = s.before
	}
	s.before = nil
}

// all returns name and value pairs, sorted.
func (s *settings) all() [][]string {
	var out [][]string
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		shown := name
		if p, ok := spelling[name]; ok {
			shown = p
		}
		out = append(out, []string{shown, s.values[name]})
	}
	return out
}

// readOnlySettings can't be SET.
var readOnlySettings = map[string]bool{
	"server_version": true, "server_version_num": true, "server_encoding": true, "integer_datetimes": true,
	"password_encryption": true,
	"role":                true, "session_authorization": true, // SET ROLE and SET SESSION AUTHORIZATION change them
	"max_identifier_length": true, "is_superuser": true, "in_hot_standby": true, "lc_collate": true,
}
