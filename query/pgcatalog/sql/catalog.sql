-- pg_catalog over what DuckDB knows about the catalog live; see lookup.sql.

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

CREATE VIEW live.pgc.pg_description AS
SELECT ms_oid::BIGINT AS objoid, 1259::BIGINT AS classoid, ms_num AS objsubid, ms_text AS description FROM live.pgc.ms_comment;
