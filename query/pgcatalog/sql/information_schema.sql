-- information_schema. Materialized views, which Postgres leaves out of it, are
-- in tables, because they are what people look for here.

CREATE VIEW live.pgi.information_schema_catalog_name AS SELECT 'millstream' AS catalog_name;

CREATE VIEW live.pgi.schemata AS
SELECT 'millstream' AS catalog_name, nspname AS schema_name, 'millstream' AS schema_owner, NULL::VARCHAR AS default_character_set_catalog,
  NULL::VARCHAR AS default_character_set_schema, NULL::VARCHAR AS default_character_set_name, NULL::VARCHAR AS sql_path
FROM live.pgc.pg_namespace;

CREATE VIEW live.pgi.tables AS
SELECT 'millstream' AS table_catalog, ms_schema AS table_schema, ms_name AS table_name,
  CASE ms_kind WHEN 'r' THEN 'BASE TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS table_type,
  NULL::VARCHAR AS self_referencing_column_name, NULL::VARCHAR AS reference_generation, NULL::VARCHAR AS user_defined_type_catalog,
  NULL::VARCHAR AS user_defined_type_schema, NULL::VARCHAR AS user_defined_type_name, 'NO' AS is_insertable_into, 'NO' AS is_typed,
  NULL::VARCHAR AS commit_action
FROM live.pgc.ms_relation;

CREATE VIEW live.pgi.views AS
SELECT 'millstream' AS table_catalog, schemaname AS table_schema, viewname AS table_name, definition AS view_definition,
  'NONE' AS check_option, 'NO' AS is_updatable, 'NO' AS is_insertable_into, 'NO' AS is_trigger_updatable, 'NO' AS is_trigger_deletable,
  'NO' AS is_trigger_insertable_into
FROM live.pgc.pg_views;

CREATE VIEW live.pgi.columns AS
SELECT 'millstream' AS table_catalog, r.ms_schema AS table_schema, r.ms_name AS table_name, c.ms_name AS column_name,
  c.ms_num::INTEGER AS ordinal_position, d.ms_default AS column_default, CASE WHEN d.ms_not_null THEN 'NO' ELSE 'YES' END AS is_nullable,
  CASE WHEN t.ms_oid <> t.ms_base THEN 'ARRAY' ELSE t.ms_name END AS data_type, NULL::INTEGER AS character_maximum_length,
  CASE WHEN t.ms_oid IN (25, 1042, 1043) THEN 1073741824 END AS character_octet_length,
  CASE t.ms_oid WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 WHEN 701 THEN 53
    WHEN 1700 THEN CASE WHEN c.ms_typmod >= 0 THEN (c.ms_typmod - 4) >> 16 END END::INTEGER AS numeric_precision,
  CASE WHEN t.ms_oid IN (20, 21, 23, 700, 701) THEN 2 WHEN t.ms_oid = 1700 THEN 10 END AS numeric_precision_radix,
  CASE WHEN t.ms_oid IN (20, 21, 23) THEN 0 WHEN t.ms_oid = 1700 AND c.ms_typmod >= 0 THEN (c.ms_typmod - 4) & 2047 END::INTEGER AS numeric_scale,
  CASE WHEN t.ms_oid = 1082 THEN 0 WHEN t.ms_oid IN (1083, 1114, 1184, 1186, 1266) THEN 6 END AS datetime_precision,
  NULL::VARCHAR AS interval_type, NULL::INTEGER AS interval_precision, NULL::VARCHAR AS character_set_catalog,
  NULL::VARCHAR AS character_set_schema, NULL::VARCHAR AS character_set_name, NULL::VARCHAR AS collation_catalog,
  NULL::VARCHAR AS collation_schema, NULL::VARCHAR AS collation_name, NULL::VARCHAR AS domain_catalog, NULL::VARCHAR AS domain_schema,
  NULL::VARCHAR AS domain_name, 'millstream' AS udt_catalog, 'pg_catalog' AS udt_schema, t.ms_typname AS udt_name,
  NULL::VARCHAR AS scope_catalog, NULL::VARCHAR AS scope_schema, NULL::VARCHAR AS scope_name, NULL::INTEGER AS maximum_cardinality,
  c.ms_num::VARCHAR AS dtd_identifier, 'NO' AS is_self_referencing, 'NO' AS is_identity, NULL::VARCHAR AS identity_generation,
  NULL::VARCHAR AS identity_start, NULL::VARCHAR AS identity_increment, NULL::VARCHAR AS identity_maximum,
  NULL::VARCHAR AS identity_minimum, 'NO' AS identity_cycle, 'NEVER' AS is_generated, NULL::VARCHAR AS generation_expression,
  'NO' AS is_updatable
FROM live.pgc.ms_column c JOIN live.pgc.ms_relation r ON r.ms_oid = c.ms_oid JOIN live.pgc.ms_type t ON t.ms_oid = c.ms_type
LEFT JOIN live.pgc.ms_table_column d ON d.ms_oid = c.ms_oid AND d.ms_num = c.ms_num;

CREATE VIEW live.pgi.table_constraints AS
SELECT 'millstream' AS constraint_catalog, 'public' AS constraint_schema, ms_name AS constraint_name, 'millstream' AS table_catalog,
  'public' AS table_schema, ms_table AS table_name, 'PRIMARY KEY' AS constraint_type, 'NO' AS is_deferrable, 'NO' AS initially_deferred,
  'YES' AS enforced, NULL::VARCHAR AS nulls_distinct
FROM live.pgc.ms_key;

CREATE VIEW live.pgi.key_column_usage AS
SELECT 'millstream' AS constraint_catalog, 'public' AS constraint_schema, k.ms_name AS constraint_name, 'millstream' AS table_catalog,
  'public' AS table_schema, k.ms_table AS table_name, c.ms_name AS column_name, c.ms_key::INTEGER AS ordinal_position,
  NULL::INTEGER AS position_in_unique_constraint
FROM live.pgc.ms_table_column c JOIN live.pgc.ms_key k ON k.ms_oid = c.ms_oid WHERE c.ms_key IS NOT NULL;
