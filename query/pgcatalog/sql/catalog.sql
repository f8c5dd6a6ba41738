-- pg_catalog over what DuckDB knows about the catalog live.
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
SELECT oid AS ms_oid, proname AS ms_name, prorettype AS ms_result,
  array_to_string(list_transform(proargtypes, lambda ms_x: live.pgc.regtype_out(ms_x)), ', ') AS ms_arguments
FROM live.pgc.pg_proc;

CREATE VIEW live.pgc.ms_relation AS
SELECT ms_oid, ms_schema, CASE ms_schema WHEN 'pg_catalog' THEN 11 ELSE 13207 END AS ms_namespace, ms_name, ms_kind, len(ms_columns) AS ms_columns
FROM live.pgc.ms_system
UNION ALL
SELECT 1000000 + 2 * view_oid + CASE schema_name WHEN 'millstream' THEN 1 ELSE 0 END, schema_name,
  CASE schema_name WHEN 'public' THEN 2200 ELSE 16384 END, view_name,
  CASE WHEN schema_name = 'millstream' THEN 'v' WHEN view_name IN (SELECT name FROM live.millstream.views) THEN 'm' ELSE 'r' END,
  column_count
FROM duckdb_views() WHERE database_name = 'live' AND schema_name IN ('public', 'millstream');

-- Postgres shows the query of a materialized view, not its CREATE statement.
CREATE VIEW live.pgc.ms_view_definition AS
SELECT r.ms_oid, regexp_replace(v.definition, '^\s*create\s.*?\sas\s+', '', 'is') AS ms_definition
FROM live.pgc.ms_relation r JOIN live.millstream.views v ON v.name = r.ms_name
WHERE r.ms_kind = 'm';

CREATE VIEW live.pgc.ms_column AS
SELECT ms_oid, ms_num, ms_name, ms_type, -1 AS ms_typmod, NULL::VARCHAR AS ms_duckdb FROM live.pgc.ms_system_column
UNION ALL
SELECT oid, num, name, CASE WHEN NOT is_list THEN base ELSE coalesce((SELECT ms_oid FROM live.pgc.ms_type WHERE ms_base = base AND ms_oid <> ms_base), 114) END,
  CASE WHEN base = 1700 AND duckdb LIKE 'DECIMAL(%' THEN
    ((regexp_extract(duckdb, '\((\d+),', 1)::INTEGER << 16) | regexp_extract(duckdb, ',(\d+)\)', 1)::INTEGER) + 4 ELSE -1 END, duckdb
FROM (
  SELECT 1000000 + 2 * table_oid + CASE schema_name WHEN 'millstream' THEN 1 ELSE 0 END AS oid, column_index AS num, column_name AS name,
    data_type AS duckdb, data_type LIKE '%]' AS is_list,
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

CREATE VIEW live.pgc.pg_namespace AS
SELECT n.oid::BIGINT AS oid, n.name AS nspname, 10::BIGINT AS nspowner, NULL::VARCHAR[] AS nspacl
FROM (VALUES (11, 'pg_catalog'), (2200, 'public'), (13207, 'information_schema'), (16384, 'millstream')) n(oid, name);

CREATE VIEW live.pgc.pg_class AS
SELECT ms_oid::BIGINT AS oid, ms_name AS relname, ms_namespace::BIGINT AS relnamespace, 0::BIGINT AS reltype, 0::BIGINT AS reloftype,
  10::BIGINT AS relowner, CASE ms_kind WHEN 'v' THEN 0 ELSE 2 END::BIGINT AS relam,
  CASE WHEN ms_kind = 'v' OR ms_oid < 16384 THEN 0 ELSE ms_oid END::BIGINT AS relfilenode, 0::BIGINT AS reltablespace, 0 AS relpages,
  CASE ms_kind WHEN 'v' THEN 0 ELSE -1 END::FLOAT AS reltuples, 0 AS relallvisible, 0::BIGINT AS reltoastrelid, false AS relhasindex,
  false AS relisshared, 'p' AS relpersistence, ms_kind AS relkind, ms_columns::SMALLINT AS relnatts, 0::SMALLINT AS relchecks,
  ms_kind <> 'r' AS relhasrules, false AS relhastriggers, false AS relhassubclass, false AS relrowsecurity, false AS relforcerowsecurity,
  true AS relispopulated, CASE WHEN ms_oid < 16384 OR ms_kind = 'v' THEN 'n' ELSE 'd' END AS relreplident, false AS relispartition,
  0::BIGINT AS relrewrite, 0::BIGINT AS relfrozenxid, 0::BIGINT AS relminmxid, NULL::VARCHAR[] AS relacl, NULL::VARCHAR[] AS reloptions,
  NULL::VARCHAR AS relpartbound
FROM live.pgc.ms_relation;

CREATE VIEW live.pgc.pg_attribute AS
SELECT c.ms_oid::BIGINT AS attrelid, c.ms_name AS attname, c.ms_type::BIGINT AS atttypid, -1 AS attstattarget, t.typlen AS attlen,
  c.ms_num::SMALLINT AS attnum, (CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN 1 ELSE 0 END)::INTEGER AS attndims, -1 AS attcacheoff,
  c.ms_typmod::INTEGER AS atttypmod, t.typbyval AS attbyval, t.typalign AS attalign, t.typstorage AS attstorage, '' AS attcompression,
  false AS attnotnull, false AS atthasdef, false AS atthasmissing, '' AS attidentity, '' AS attgenerated, false AS attisdropped,
  true AS attislocal, 0 AS attinhcount, t.typcollation AS attcollation, NULL::VARCHAR[] AS attacl, NULL::VARCHAR[] AS attoptions,
  NULL::VARCHAR[] AS attfdwoptions, NULL::VARCHAR AS attmissingval
FROM live.pgc.ms_column c JOIN live.pgc.pg_type t ON t.oid = c.ms_type;

CREATE VIEW live.pgc.pg_roles AS
SELECT name AS rolname, false AS rolsuper, true AS rolinherit, false AS rolcreaterole, false AS rolcreatedb, true AS rolcanlogin,
  false AS rolreplication, -1 AS rolconnlimit, '********' AS rolpassword, NULL::TIMESTAMPTZ AS rolvaliduntil, false AS rolbypassrls,
  NULL::VARCHAR[] AS rolconfig, oid::BIGINT AS oid
FROM (SELECT 'millstream' AS name, 10 AS oid UNION ALL SELECT live.pgc.current_user(), 16385 WHERE live.pgc.current_user() <> 'millstream');

CREATE VIEW live.pgc.pg_user AS
SELECT rolname AS usename, oid AS usesysid, rolcreatedb AS usecreatedb, rolsuper AS usesuper, rolreplication AS userepl,
  rolbypassrls AS usebypassrls, rolpassword AS passwd, rolvaliduntil AS valuntil, rolconfig AS useconfig
FROM live.pgc.pg_roles;

CREATE VIEW live.pgc.pg_settings AS
SELECT CASE WHEN ms_name IS NULL THEN 'TimeZone' ELSE ms_name END AS name,
  CASE WHEN ms_name IS NULL THEN system.main.current_setting('TimeZone') ELSE ms_value END AS setting, ms_unit AS unit,
  'Preset Options' AS category, '' AS short_desc, NULL::VARCHAR AS extra_desc, 'user' AS context, coalesce(ms_type, 'string') AS vartype,
  'default' AS source, NULL::VARCHAR AS min_val, NULL::VARCHAR AS max_val, NULL::VARCHAR[] AS enumvals, ms_value AS boot_val,
  ms_value AS reset_val, NULL::VARCHAR AS sourcefile, NULL::INTEGER AS sourceline, false AS pending_restart
FROM (SELECT * FROM live.pgc.ms_setting UNION ALL SELECT NULL, NULL, NULL, NULL);

CREATE VIEW live.pgc.pg_tables AS
SELECT ms_schema AS schemaname, ms_name AS tablename, 'millstream' AS tableowner, NULL::VARCHAR AS tablespace, false AS hasindexes,
  false AS hasrules, false AS hastriggers, false AS rowsecurity
FROM live.pgc.ms_relation WHERE ms_kind = 'r';

CREATE VIEW live.pgc.pg_views AS
SELECT ms_schema AS schemaname, ms_name AS viewname, 'millstream' AS viewowner, NULL::VARCHAR AS definition
FROM live.pgc.ms_relation WHERE ms_kind = 'v';

CREATE VIEW live.pgc.pg_matviews AS
SELECT r.ms_schema AS schemaname, r.ms_name AS matviewname, 'millstream' AS matviewowner, NULL::VARCHAR AS tablespace, false AS hasindexes,
  true AS ispopulated, d.ms_definition AS definition
FROM live.pgc.ms_relation r LEFT JOIN live.pgc.ms_view_definition d ON d.ms_oid = r.ms_oid WHERE r.ms_kind = 'm';

CREATE VIEW live.pgc.pg_timezone_names AS
SELECT name, abbrev, utc_offset, is_dst FROM system.main.pg_timezone_names();
