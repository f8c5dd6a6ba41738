package parser

const (
	hintUpsert  = "Write INSERT INTO … ON CONFLICT (key) DO UPDATE SET …, UPDATE or DELETE."
	hintObjects = "Millstream has sources (CREATE SOURCE), tables (CREATE TABLE) and materialized views (CREATE MATERIALIZED VIEW)."
	hintFiles   = "Millstream reads Kafka topics only; its server's files and network are not reachable by SQL."
)

// unsupported holds the first words of statements that people try, and what to
// tell them.
var unsupported = map[string]string{
	"merge": hintUpsert, "upsert": hintUpsert, "replace": hintUpsert,
	"attach": hintFiles, "detach": hintFiles, "install": hintFiles, "load": hintFiles, "export": hintFiles,
	"import": hintFiles, "use": hintFiles, "force": hintFiles,
	"pragma":  "Use SHOW, or the tables in the schema millstream.",
	"call":    "There are no procedures. Use SELECT.",
	"do":      "There are no procedures. Use SELECT.",
	"vacuum":  "There is nothing to do: history is compacted at checkpoints.",
	"analyze": "There is nothing to do: statistics are kept at checkpoints.",
	"analyse": "There is nothing to do: statistics are kept at checkpoints.",
	"reindex": "There are no indexes.", "cluster": "There are no indexes.",
	"refresh":   "A materialized view is always up to date; it needs no refresh.",
	"reassign":  "ALTER TABLE name OWNER TO role gives each object another owner.",
	"security":  hintRights,
	"lock":      "Nothing needs to be locked: a query sees one epoch, and changes follow each other.",
	"summarize": "Use SELECT count(*), min(x), max(x), approx_count_distinct(x) FROM ….",
	"pivot":     "Write sum(x) FILTER (WHERE …) for each column.",
	"unpivot":   "Write a UNION ALL, or unnest a list.",
	"kill":      "Cancel the query from its own client.",
}
