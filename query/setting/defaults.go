package setting

import "strings"

// Background is RisingWave's name of the setting by which statements that build
// return before they are done.
const Background = "background_ddl"

// Start is what a session begins with.
type Start struct {
	User, Application, Version string
	Values                     map[string]string // others that the client gave; names in lower case
}

// Settings returns the settings of a session as it begins.
func (s Start) Settings() Settings {
	d := map[string]string{
		"server_version": "15.0", "server_version_num": "150000", "server_encoding": "UTF8", "client_encoding": "UTF8",
		"datestyle": "ISO, MDY", "intervalstyle": "postgres", "timezone": "UTC", "integer_datetimes": "on",
		"standard_conforming_strings": "on", "application_name": s.Application, "is_superuser": "off",
		"session_authorization": s.User, "in_hot_standby": "off", "default_transaction_read_only": "off",
		"default_transaction_isolation": "repeatable read", "default_transaction_deferrable": "off",
		"search_path": "public", "statement_timeout": "0", "extra_float_digits": "1", "max_identifier_length": "63",
		"bytea_output": "hex", "client_min_messages": "notice", "lc_collate": "C", "lock_timeout": "0",
		"idle_in_transaction_session_timeout": "0", "idle_session_timeout": "0", "row_security": "off", "synchronous_commit": "on",
		"password_encryption": "scram-sha-256",
		Background:            "off",
	}
	if s.Version != "" {
		d["server_version"] = "15.0 (Millstream " + s.Version + ")"
	}
	for name, value := range s.Values {
		d[strings.ToLower(name)] = value
	}
	d["role"] = "none"
	return New(d)
}

// Fixed reports whether a setting can't be SET.
func Fixed(name string) bool { return fixed[name] }

var fixed = map[string]bool{
	"server_version": true, "server_version_num": true, "server_encoding": true, "integer_datetimes": true,
	"password_encryption": true,
	"role":                true, "session_authorization": true, // SET ROLE and SET SESSION AUTHORIZATION change them
	"max_identifier_length": true, "is_superuser": true, "in_hot_standby": true, "lc_collate": true,
}
