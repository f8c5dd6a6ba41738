package query

import (
	"strings"

	"github.com/millstream-db/millstream/query/setting"
)

// newSettings returns the settings of a session as it begins.
func newSettings(o SessionOptions, version string) setting.Settings {
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
	return setting.New(d)
}

// readOnlySettings can't be SET.
var readOnlySettings = map[string]bool{
	"server_version": true, "server_version_num": true, "server_encoding": true, "integer_datetimes": true,
	"password_encryption": true,
	"role":                true, "session_authorization": true, // SET ROLE and SET SESSION AUTHORIZATION change them
	"max_identifier_length": true, "is_superuser": true, "in_hot_standby": true, "lc_collate": true,
}
