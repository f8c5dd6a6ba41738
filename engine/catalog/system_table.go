package catalog

import "github.com/millstream-db/millstream/engine/batch"

var (
	text    = batch.Type{Kind: batch.Varchar}
	integer = batch.Type{Kind: batch.Integer}
	bigint  = batch.Type{Kind: batch.BigInt}
	instant = batch.Type{Kind: batch.TimestampTZ}
	double  = batch.Type{Kind: batch.Double}
	yesNo   = batch.Type{Kind: batch.Boolean}
)

// SystemColumns is the columns of the tables of the schema millstream, by name.
var SystemColumns = map[string][]batch.Column{
	"sources": {
		{Name: "name", Type: text}, {Name: "connector", Type: text}, {Name: "status", Type: text}, {Name: "error", Type: text},
		{Name: "since", Type: instant}, {Name: "watermark", Type: instant}, {Name: "partitions", Type: integer},
		{Name: "rows", Type: bigint}, {Name: "late", Type: bigint}, {Name: "rejected", Type: bigint}, {Name: "duplicates", Type: bigint},
		{Name: "lag", Type: bigint}, {Name: "hot_rows", Type: bigint}, {Name: "bytes", Type: bigint},
	},
	"partitions": {
		{Name: "source", Type: text}, {Name: "partition", Type: integer}, {Name: "next_offset", Type: bigint},
		{Name: "end_offset", Type: bigint}, {Name: "lag", Type: bigint}, {Name: "watermark", Type: instant}, {Name: "idle", Type: yesNo},
		{Name: "late", Type: bigint}, {Name: "rejected", Type: bigint}, {Name: "rows", Type: bigint},
		{Name: "lost", Type: bigint}, {Name: "status", Type: text}, {Name: "error", Type: text}, {Name: "file", Type: text},
	},
	"tables": {
		{Name: "name", Type: text}, {Name: "rows", Type: bigint}, {Name: "primary_key", Type: text},
		{Name: "bytes", Type: bigint}, {Name: "created", Type: instant},
	},
	"table_columns": {
		{Name: "table", Type: text}, {Name: "position", Type: integer}, {Name: "name", Type: text}, {Name: "not_null", Type: yesNo},
		{Name: "default", Type: text}, {Name: "key_position", Type: integer},
	},
	"views": {
		{Name: "name", Type: text}, {Name: "source", Type: text}, {Name: "windows", Type: bigint}, {Name: "groups", Type: bigint},
		{Name: "state_bytes", Type: bigint}, {Name: "late", Type: bigint}, {Name: "errors", Type: bigint}, {Name: "created", Type: instant},
		{Name: "definition", Type: text}, {Name: "status", Type: text}, {Name: "error", Type: text},
	},
	"jobs": {
		{Name: "id", Type: bigint}, {Name: "statement", Type: text}, {Name: "view", Type: text}, {Name: "source", Type: text},
		{Name: "state", Type: text}, {Name: "progress", Type: double}, {Name: "rows", Type: bigint}, {Name: "rows_per_second", Type: double},
		{Name: "started", Type: instant}, {Name: "ended", Type: instant}, {Name: "error", Type: text},
	},
	"sessions": {
		{Name: "process", Type: integer}, {Name: "role", Type: text}, {Name: "application", Type: text}, {Name: "client", Type: text},
		{Name: "started", Type: instant}, {Name: "transaction_started", Type: instant}, {Name: "statement_started", Type: instant},
		{Name: "state_changed", Type: instant}, {Name: "state", Type: text}, {Name: "statement", Type: text},
	},
	"roles":        RoleColumns,
	"role_members": MemberColumns,
	"privileges":   PrivilegeColumns,
	"comments":     {{Name: "object", Type: text}, {Name: "column", Type: text}, {Name: "comment", Type: text}},
}
