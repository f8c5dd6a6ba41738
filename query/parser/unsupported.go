package parser

const (
	hintReadOnly = "Rows come from Kafka topics (CREATE SOURCE) and are computed by views (CREATE MATERIALIZED VIEW); SQL doesn't write them."
	hintObjects  = "Millstream has sources (CREATE SOURCE) and materialized views (CREATE MATERIALIZED VIEW)."
	hintFiles    = "Millstream reads Kafka topics only; its server's files and network are not reachable by SQL."
	hintRoles    = "Users and their rights are set in the server's configuration."
	hintPrepare  = "Prepare statements by the extended query protocol, as drivers do."
	hintCursor   = "Rows are streamed to the client as they are read; cursors are not needed for large results."
)

// unsupported holds the first words of statements that people try, and what to
// tell them.
var unsupported = map[string]string{
	"insert": hintReadOnly, "update": hintReadOnly, "delete": hintReadOnly, "merge": hintReadOnly,
	"truncate": hintReadOnly, "upsert": hintReadOnly, "replace": hintReadOnly,
	"copy":   "Use a SELECT; the HTTP interface returns its rows as JSON, CSV or Arrow.",
	"alter":  "Drop the object and create it again.",
	"attach": hintFiles, "detach": hintFiles, "install": hintFiles, "load": hintFiles, "export": hintFiles,
	"import": hintFiles, "use": hintFiles, "force": hintFiles,
	"pragma":  "Use SHOW, or the tables in the schema millstream.",
	"call":    "There are no procedures. Use SELECT.",
	"do":      "There are no procedures. Use SELECT.",
	"vacuum":  "There is nothing to do: history is compacted at checkpoints.",
	"analyze": "There is nothing to do: statistics are kept at checkpoints.",
	"analyse": "There is nothing to do: statistics are kept at checkpoints.",
	"reindex": "There are no indexes.", "cluster": "There are no indexes.",
	"refresh": "A materialized view is always up to date; it needs no refresh.",
	"grant":   hintRoles, "revoke": hintRoles, "reassign": hintRoles, "security": hintRoles,
	"comment": hintObjects, "lock": hintReadOnly,
	"prepare": hintPrepare, "execute": hintPrepare,
	"declare": hintCursor, "fetch": hintCursor, "move": hintCursor,
	"notify":    "Subscribe to a view over HTTP.",
	"subscribe": "Subscribe to a view over HTTP.",
	"summarize": "Use SELECT count(*), min(x), max(x), approx_count_distinct(x) FROM ….",
	"pivot":     "Write sum(x) FILTER (WHERE …) for each column.",
	"unpivot":   "Write a UNION ALL, or unnest a list.",
	"kill":      "Cancel the query from its own client.",
}
