-- pg_catalog over what DuckDB knows about the catalog live; see lookup.sql.

CREATE VIEW live.pgc.pg_namespace AS
SELECT n.oid::BIGINT AS oid, n.name AS nspname, 10::BIGINT AS nspowner, NULL::VARCHAR[] AS nspacl
FROM (VALUES (11, 'pg_catalog'), (2200, 'public'), (13207, 'information_schema'), (16384, 'millstream')) n(oid, name);

CREATE VIEW live.pgc.pg_class AS
SELECT ms_oid::BIGINT AS oid, ms_name AS relname, ms_namespace::BIGINT AS relnamespace, 0::BIGINT AS reltype, 0::BIGINT AS reloftype,
  coalesce(a.ms_owner, 10)::BIGINT AS relowner, CASE ms_kind WHEN 'v' THEN 0 WHEN 'i' THEN 403 ELSE 2 END::BIGINT AS relam,
  CASE WHEN ms_kind = 'v' OR ms_oid < 16384 THEN 0 ELSE ms_oid END::BIGINT AS relfilenode, 0::BIGINT AS reltablespace, 0 AS relpages,
  CASE ms_kind WHEN 'v' THEN 0 ELSE -1 END::FLOAT AS reltuples, 0 AS relallvisible, 0::BIGINT AS reltoastrelid,
  ms_oid IN (SELECT ms_oid FROM live.pgc.ms_key) AS relhasindex,
  false AS relisshared, 'p' AS relpersistence, ms_kind AS relkind, ms_columns::SMALLINT AS relnatts, 0::SMALLINT AS relchecks,
  ms_kind <> 'r' AS relhasrules, false AS relhastriggers, false AS relhassubclass, false AS relrowsecurity, false AS relforcerowsecurity,
  true AS relispopulated, CASE WHEN ms_oid < 16384 OR ms_kind = 'v' THEN 'n' ELSE 'd' END AS relreplident, false AS relispartition,
  0::BIGINT AS relrewrite, 0::BIGINT AS relfrozenxid, 0::BIGINT AS relminmxid, a.ms_acl AS relacl, NULL::VARCHAR[] AS reloptions,
  NULL::VARCHAR AS relpartbound
FROM (SELECT * FROM live.pgc.ms_relation UNION ALL SELECT ms_index, 'public', 2200, ms_name, 'i', len(ms_nums) FROM live.pgc.ms_key)
LEFT JOIN live.pgc.ms_access a ON a.ms_relation = ms_oid;

CREATE VIEW live.pgc.pg_index AS
SELECT ms_index::BIGINT AS indexrelid, ms_oid::BIGINT AS indrelid, len(ms_nums)::SMALLINT AS indnatts, len(ms_nums)::SMALLINT AS indnkeyatts,
  true AS indisunique, false AS indnullsnotdistinct, true AS indisprimary, false AS indisexclusion, true AS indimmediate,
  false AS indisclustered, true AS indisvalid, false AS indcheckxmin, true AS indisready, true AS indislive, false AS indisreplident,
  ms_nums::SMALLINT[] AS indkey, list_transform(ms_nums, lambda ms_x: 0::BIGINT) AS indcollation,
  list_transform(ms_nums, lambda ms_x: 0::BIGINT) AS indclass, list_transform(ms_nums, lambda ms_x: 0::SMALLINT) AS indoption,
  NULL::VARCHAR AS indexprs, NULL::VARCHAR AS indpred
FROM live.pgc.ms_key;

CREATE VIEW live.pgc.pg_constraint AS
SELECT ms_constraint::BIGINT AS oid, ms_name AS conname, 2200::BIGINT AS connamespace, 'p' AS contype, false AS condeferrable,
  false AS condeferred, true AS convalidated, ms_oid::BIGINT AS conrelid, 0::BIGINT AS contypid, ms_index::BIGINT AS conindid,
  0::BIGINT AS conparentid, 0::BIGINT AS confrelid, ' ' AS confupdtype, ' ' AS confdeltype, ' ' AS confmatchtype, true AS conislocal,
  0 AS coninhcount, true AS connoinherit, ms_nums::SMALLINT[] AS conkey, NULL::SMALLINT[] AS confkey, NULL::BIGINT[] AS conpfeqop,
  NULL::BIGINT[] AS conppeqop, NULL::BIGINT[] AS conffeqop, NULL::SMALLINT[] AS confdelsetcols, NULL::BIGINT[] AS conexclop,
  NULL::VARCHAR AS conbin
FROM live.pgc.ms_key;

CREATE VIEW live.pgc.pg_attrdef AS
SELECT (900000000 + ms_oid * 2000 + ms_num)::BIGINT AS oid, ms_oid::BIGINT AS adrelid, ms_num::SMALLINT AS adnum, ms_default AS adbin
FROM live.pgc.ms_table_column WHERE ms_default IS NOT NULL;

CREATE VIEW live.pgc.pg_indexes AS
SELECT 'public' AS schemaname, ms_table AS tablename, ms_name AS indexname, NULL::VARCHAR AS tablespace, live.pgc.ms_indexdef(ms_index) AS indexdef
FROM live.pgc.ms_key;

CREATE VIEW live.pgc.pg_attribute AS
SELECT c.ms_oid::BIGINT AS attrelid, c.ms_name AS attname, c.ms_type::BIGINT AS atttypid, -1 AS attstattarget, t.typlen AS attlen,
  c.ms_num::SMALLINT AS attnum, (CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN 1 ELSE 0 END)::INTEGER AS attndims, -1 AS attcacheoff,
  c.ms_typmod::INTEGER AS atttypmod, t.typbyval AS attbyval, t.typalign AS attalign, t.typstorage AS attstorage, '' AS attcompression,
  coalesce(d.ms_not_null, false) AS attnotnull, d.ms_default IS NOT NULL AS atthasdef, false AS atthasmissing, '' AS attidentity, '' AS attgenerated, false AS attisdropped,
  true AS attislocal, 0 AS attinhcount, t.typcollation AS attcollation, NULL::VARCHAR[] AS attacl, NULL::VARCHAR[] AS attoptions,
  NULL::VARCHAR[] AS attfdwoptions, NULL::VARCHAR AS attmissingval
FROM (SELECT ms_oid, ms_num, ms_name, ms_type, ms_typmod FROM live.pgc.ms_column
  UNION ALL
  SELECT 500000000 + k.ms_oid, k.ms_key, k.ms_name, c.ms_type, c.ms_typmod
  FROM live.pgc.ms_table_column k JOIN live.pgc.ms_column c ON c.ms_oid = k.ms_oid AND c.ms_num = k.ms_num WHERE k.ms_key IS NOT NULL) c
JOIN live.pgc.pg_type t ON t.oid = c.ms_type
LEFT JOIN live.pgc.ms_table_column d ON d.ms_oid = c.ms_oid AND d.ms_num = c.ms_num;

CREATE VIEW live.pgc.pg_settings AS
SELECT ms_name AS name, live.pgc.ms_in_unit(coalesce(CAST(getvariable('ms_settings') AS MAP(VARCHAR, VARCHAR))[lower(ms_name)], ms_value), ms_unit) AS setting, ms_unit AS unit,
  'Preset Options' AS category, '' AS short_desc, NULL::VARCHAR AS extra_desc, 'user' AS context, coalesce(ms_type, 'string') AS vartype,
  'default' AS source, NULL::VARCHAR AS min_val, NULL::VARCHAR AS max_val, ms_values AS enumvals, ms_value AS boot_val,
  ms_value AS reset_val, NULL::VARCHAR AS sourcefile, NULL::INTEGER AS sourceline, false AS pending_restart
FROM live.pgc.ms_setting LEFT JOIN live.pgc.ms_setting_values v ON v.ms_setting = ms_name;

CREATE VIEW live.pgc.pg_prepared_statements AS
SELECT ms_p.name, ms_p.statement, ms_p.prepare_time, ms_p.params AS parameter_types, ms_p.from_sql, 0::BIGINT AS generic_plans, 0::BIGINT AS custom_plans
FROM (SELECT unnest(CAST(coalesce(getvariable('ms_prepared'), []) AS
  STRUCT(name VARCHAR, statement VARCHAR, prepare_time TIMESTAMPTZ, params BIGINT[], from_sql BOOLEAN)[])) AS ms_p);

CREATE VIEW live.pgc.pg_stat_activity AS
SELECT 5::BIGINT AS datid, 'millstream' AS datname, process AS pid, NULL::INTEGER AS leader_pid, coalesce(r.oid, 10)::BIGINT AS usesysid,
  role AS usename, application AS application_name, nullif(regexp_replace(client, ':\d+$', ''), '') AS client_addr,
  NULL::VARCHAR AS client_hostname, TRY_CAST(nullif(regexp_extract(client, ':(\d+)$', 1), '') AS INTEGER) AS client_port,
  started AS backend_start, transaction_started AS xact_start, statement_started AS query_start, state_changed AS state_change,
  CASE WHEN state = 'active' THEN NULL ELSE 'Client' END AS wait_event_type, CASE WHEN state = 'active' THEN NULL ELSE 'ClientRead' END AS wait_event,
  state, NULL::BIGINT AS backend_xid, NULL::BIGINT AS backend_xmin, NULL::BIGINT AS query_id,
  CASE WHEN role = live.pgc.current_user() OR coalesce(getvariable('ms_admin')::BOOLEAN, true) THEN statement ELSE '<insufficient privilege>' END AS query,
  'client backend' AS backend_type
FROM live.millstream.sessions LEFT JOIN live.pgc.pg_roles r ON r.rolname = role;

CREATE VIEW live.pgc.pg_tables AS
SELECT ms_schema AS schemaname, ms_name AS tablename, coalesce(a.ms_owner_name, 'millstream') AS tableowner, NULL::VARCHAR AS tablespace, false AS hasindexes,
  false AS hasrules, false AS hastriggers, false AS rowsecurity
FROM live.pgc.ms_relation LEFT JOIN live.pgc.ms_access a ON a.ms_relation = ms_oid WHERE ms_kind = 'r';

CREATE VIEW live.pgc.pg_views AS
SELECT ms_schema AS schemaname, ms_name AS viewname, 'millstream' AS viewowner, NULL::VARCHAR AS definition
FROM live.pgc.ms_relation WHERE ms_kind = 'v';

CREATE VIEW live.pgc.pg_matviews AS
SELECT r.ms_schema AS schemaname, r.ms_name AS matviewname, coalesce(a.ms_owner_name, 'millstream') AS matviewowner, NULL::VARCHAR AS tablespace, false AS hasindexes,
  true AS ispopulated, d.ms_definition AS definition
FROM live.pgc.ms_relation r LEFT JOIN live.pgc.ms_view_definition d ON d.ms_oid = r.ms_oid
LEFT JOIN live.pgc.ms_access a ON a.ms_relation = r.ms_oid WHERE r.ms_kind = 'm';

CREATE VIEW live.pgc.pg_timezone_names AS
SELECT name, abbrev, utc_offset, is_dst FROM live.pgc.pg_timezone_names();

CREATE VIEW live.pgc.pg_description AS
SELECT ms_oid::BIGINT AS objoid, 1259::BIGINT AS classoid, ms_num AS objsubid, ms_text AS description FROM live.pgc.ms_comment;
