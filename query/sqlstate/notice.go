package sqlstate

import "strings"

// warnings is the codes of what a client is warned of; all else that it is told
// is a notice.
var warnings = map[string]string{
	"there is already a transaction in progress":             CodeActiveTransaction,
	"there is no transaction in progress":                    "25P01",
	"SET TRANSACTION can only be used in transaction blocks": "25P01",
}

// OfNotice returns the severity of what a client is told besides a result, and its
// code, as PostgreSQL has them.
func OfNotice(message string) (severity, code string) {
	if code := warnings[message]; code != "" {
		return "WARNING", code
	}
	if strings.HasSuffix(message, " already exists, skipping") {
		return "NOTICE", CodeDuplicateTable
	}
	return "NOTICE", "00000"
}
