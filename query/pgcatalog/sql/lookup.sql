-- What macros and views look up. Columns are called ms_ for the reason given in
-- tables.sql.
--
-- OIDs: those of Postgres up to 16383; 16384 for the schema millstream; for
-- relations 1000000 + twice DuckDB's number, which is even in public and plus
-- one, so odd, in millstream: pg_table_is_visible needs no look into a table.

CREATE VIEW live.pgc.ms_type_name AS
SELECT ms_oid, ms_typname AS ms_name FROM live.pgc.ms_type
UNION ALL SELECT ms_oid, ms_name || CASE WHEN ms_oid <> ms_base THEN '[]' ELSE '' END FROM live.pgc.ms_type
UNION ALL SELECT ms_oid, ms_typname || '[]' FROM (SELECT ms_oid, substr(ms_typname, 2) AS ms_typname FROM live.pgc.ms_type WHERE ms_oid <> ms_base)
UNION ALL SELECT * FROM (VALUES (23, 'int'), (1700, 'decimal'), (1700, 'dec'), (701, 'float'), (1042, 'char'), (1114, 'timestamp'), (1083, 'time'), (25, 'string'));

CREATE VIEW live.pgc.ms_function AS
SELECT p.oid AS ms_oid, p.proname AS ms_name, p.prorettype AS ms_result,
  (SELECT string_agg(t.ms_name || CASE WHEN t.ms_oid <> t.ms_base THEN '[]' ELSE '' END, ', ' ORDER BY u.num)
   FROM unnest(p.proargtypes) WITH ORDINALITY u(oid, num) JOIN live.pgc.ms_type t ON t.ms_oid = u.oid) AS ms_arguments
FROM live.pgc.pg_proc p;

CREATE VIEW live.pgc.ms_relation AS
SELECT ms_oid, ms_schema, CASE ms_schema WHEN 'pg_catalog' THEN 11 ELSE 13207 END AS ms_namespace, ms_name, ms_kind, len(ms_columns) AS ms_columns
FROM live.pgc.ms_system
UNION ALL
SELECT 1000000 + 2 * view_oid + CASE schema_name WHEN 'millstream' THEN 1 ELSE 0 END, schema_name,
  CASE schema_name WHEN 'public' THEN 2200 ELSE 16384 END, view_name,
  CASE WHEN schema_name = 'millstream' THEN 'v' WHEN view_name IN (SELECT name FROM live.millstream.views) THEN 'm' ELSE 'r' END,
  column_count
FROM duckdb_views() WHERE database_name = 'live' AND schema_name IN ('public', 'millstream');

CREATE VIEW live.pgc.ms_column AS
SELECT ms_oid, ms_num, ms_name, ms_type, -1 AS ms_typmod, NULL::VARCHAR AS ms_duckdb FROM live.pgc.ms_system_column
UNION ALL
SELECT oid, num, name, CASE WHEN NOT is_list THEN base ELSE coalesce((SELECT ms_oid FROM live.pgc.ms_type WHERE ms_base = base AND ms_oid <> ms_base), 114) END,
  CASE WHEN base = 1700 AND duckdb LIKE 'DECIMAL(%' THEN
    ((regexp_extract(duckdb, '\((\d+),', 1)::INTEGER << 16) | regexp_extract(duckdb, ',(\d+)\)', 1)::INTEGER) + 4 ELSE -1 END, duckdb
FROM (
  SELECT 1000000 + 2 * table_oid + CASE schema_name WHEN 'millstream' THEN 1 ELSE 0 END AS oid, column_index AS num, column_name AS name,
    data_type AS duckdb, data_type LIKE '%]' AND NOT regexp_matches(data_type, '^(STRUCT|MAP|UNION)\(|\].*\]$') AS is_list, -- lists of what is nested are JSON for clients
    CASE WHEN regexp_matches(data_type, '\].*\]$') THEN 114
    ELSE CASE regexp_extract(data_type, '^[A-Z0-9_ ]+')
      WHEN 'BOOLEAN' THEN 16 WHEN 'TINYINT' THEN 21 WHEN 'UTINYINT' THEN 21 WHEN 'SMALLINT' THEN 21 WHEN 'USMALLINT' THEN 23
      WHEN 'INTEGER' THEN 23 WHEN 'UINTEGER' THEN 20 WHEN 'BIGINT' THEN 20 WHEN 'UBIGINT' THEN 1700 WHEN 'HUGEINT' THEN 1700
      WHEN 'UHUGEINT' THEN 1700 WHEN 'BIGNUM' THEN 1700 WHEN 'DECIMAL' THEN 1700 WHEN 'FLOAT' THEN 700 WHEN 'DOUBLE' THEN 701
      WHEN 'JSON' THEN 114 WHEN 'STRUCT' THEN 114 WHEN 'MAP' THEN 114 WHEN 'UNION' THEN 114 WHEN 'BLOB' THEN 17 WHEN 'DATE' THEN 1082
      WHEN 'TIME' THEN 1083 WHEN 'TIME WITH TIME ZONE' THEN 1266 WHEN 'TIMESTAMP' THEN 1114 WHEN 'TIMESTAMP_S' THEN 1114
      WHEN 'TIMESTAMP_MS' THEN 1114 WHEN 'TIMESTAMP_NS' THEN 1114 WHEN 'TIMESTAMP WITH TIME ZONE' THEN 1184 WHEN 'INTERVAL' THEN 1186
      WHEN 'UUID' THEN 2950 WHEN 'BIT' THEN 1562 ELSE 25 END END AS base
  FROM duckdb_columns() WHERE database_name = 'live' AND schema_name IN ('public', 'millstream'));

-- The columns of tables as far as they are more than those of other relations,
-- and their primary keys. A text that is a default stands there with its type,
-- as Postgres has it. A key's index and constraint have the number of the
-- table and so much more that no relation has it.
CREATE VIEW live.pgc.ms_table_column AS
SELECT r.ms_oid, c.position AS ms_num, c.name AS ms_name, c.not_null AS ms_not_null, c.key_position AS ms_key,
  c."default" || CASE WHEN regexp_full_match(c."default", '''([^'']|'''')*''') THEN coalesce((SELECT any_value('::' || t.ms_name)
    FROM live.pgc.ms_column k JOIN live.pgc.ms_type t ON t.ms_oid = k.ms_type WHERE k.ms_oid = r.ms_oid AND k.ms_num = c.position), '') ELSE '' END AS ms_default
FROM live.millstream.table_columns c JOIN live.pgc.ms_relation r ON r.ms_schema = 'public' AND r.ms_name = c."table";

CREATE VIEW live.pgc.ms_key AS
SELECT c.ms_oid, 500000000 + c.ms_oid AS ms_index, 700000000 + c.ms_oid AS ms_constraint, any_value(r.ms_name) AS ms_table,
  any_value(r.ms_name) || '_pkey' AS ms_name, list(c.ms_num::SMALLINT ORDER BY c.ms_key) AS ms_nums,
  string_agg(CASE WHEN regexp_full_match(c.ms_name, '[a-z_][a-z0-9_]*') THEN c.ms_name ELSE '"' || replace(c.ms_name, '"', '""') || '"' END,
    ', ' ORDER BY c.ms_key) AS ms_columns
FROM live.pgc.ms_table_column c JOIN live.pgc.ms_relation r ON r.ms_oid = c.ms_oid WHERE c.ms_key IS NOT NULL GROUP BY c.ms_oid;

-- Postgres shows the query of a materialized view, not its CREATE statement.
CREATE VIEW live.pgc.ms_view_definition AS
SELECT r.ms_oid, regexp_replace(regexp_replace(v.definition, '^\s*create\s.*?\sas\s+', '', 'is'), '[\s;]*$', ';') AS ms_definition
FROM live.pgc.ms_relation r JOIN live.millstream.views v ON v.name = r.ms_name
WHERE r.ms_kind = 'm';

-- What COMMENT ON has said: of relations with number 0, of columns with theirs.
CREATE VIEW live.pgc.ms_comment AS
SELECT r.ms_oid, coalesce(k.ms_num, 0)::INTEGER AS ms_num, c.comment AS ms_text
FROM live.millstream.comments c JOIN live.pgc.ms_relation r ON r.ms_schema = 'public' AND r.ms_name = c.object
LEFT JOIN live.pgc.ms_column k ON k.ms_oid = r.ms_oid AND k.ms_name = c."column"
WHERE c."column" IS NULL OR k.ms_num IS NOT NULL;
