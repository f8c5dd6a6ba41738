-- The tables behind the catalog. Their columns begin with ms_, because DuckDB
-- puts a macro's arguments into its body as text: a column of the caller with
-- the name of a column in here would mean the wrong one.

CREATE TABLE live.pgc.ms_system AS
SELECT f[3]::BIGINT AS ms_oid, f[1] AS ms_schema, f[2] AS ms_name, f[4] AS ms_kind, f[5:] AS ms_columns
FROM (SELECT string_split(unnest(string_split($relations$, chr(10))), ' ') AS f);

CREATE TABLE live.pgc.ms_type AS
SELECT f[1]::BIGINT AS ms_oid, f[1]::BIGINT AS ms_base, f[2] AS ms_typname, f[2] AS ms_name, f AS ms_fields
FROM (SELECT string_split(unnest(string_split($types$, chr(10))), ' ') AS f);

-- The names that SQL has for types, where they aren't those of pg_type.
UPDATE live.pgc.ms_type SET ms_name = n.name
FROM (VALUES (16, 'boolean'), (18, '"char"'), (20, 'bigint'), (21, 'smallint'), (23, 'integer'), (700, 'real'),
  (701, 'double precision'), (1042, 'character'), (1043, 'character varying'), (1083, 'time without time zone'),
  (1114, 'timestamp without time zone'), (1184, 'timestamp with time zone'), (1266, 'time with time zone'),
  (1560, 'bit'), (1562, 'bit varying'), (1700, 'numeric')) n(oid, name)
WHERE ms_oid = n.oid;

INSERT INTO live.pgc.ms_type
SELECT ms_fields[10]::BIGINT, ms_oid, '_' || ms_typname, ms_name, NULL FROM live.pgc.ms_type WHERE ms_fields[10] <> '0';

CREATE TABLE live.pgc.ms_system_column AS
SELECT s.ms_oid, s.num AS ms_num, string_split(s.col, ':')[1] AS ms_name, t.ms_oid AS ms_type
FROM (SELECT ms_oid, unnest(ms_columns) AS col, generate_subscripts(ms_columns, 1) AS num FROM live.pgc.ms_system) s
JOIN live.pgc.ms_type t ON t.ms_typname = CASE WHEN s.col LIKE '%[]' THEN '_' || replace(string_split(s.col, ':')[2], '[]', '') ELSE string_split(s.col, ':')[2] END;

-- What current_setting and pg_settings know. Session settings are the server's.
CREATE TABLE live.pgc.ms_setting AS
SELECT * FROM (VALUES
  ('application_name', '', NULL, 'string'), ('bytea_output', 'hex', NULL, 'enum'), ('client_encoding', 'UTF8', NULL, 'string'),
  ('client_min_messages', 'notice', NULL, 'enum'), ('DateStyle', 'ISO, MDY', NULL, 'string'),
  ('default_transaction_isolation', 'repeatable read', NULL, 'enum'), ('default_transaction_read_only', 'off', NULL, 'bool'),
  ('escape_string_warning', 'on', NULL, 'bool'), ('extra_float_digits', '1', NULL, 'integer'), ('in_hot_standby', 'off', NULL, 'bool'),
  ('integer_datetimes', 'on', NULL, 'bool'), ('IntervalStyle', 'postgres', NULL, 'enum'), ('is_superuser', 'off', NULL, 'bool'),
  ('lc_collate', 'C.UTF-8', NULL, 'string'), ('lc_ctype', 'C.UTF-8', NULL, 'string'), ('max_identifier_length', '63', NULL, 'integer'),
  ('max_index_keys', '32', NULL, 'integer'), ('search_path', 'public', NULL, 'string'), ('server_encoding', 'UTF8', NULL, 'string'),
  ('server_version', '15.0 (Millstream)', NULL, 'string'), ('server_version_num', '150000', NULL, 'integer'),
  ('standard_conforming_strings', 'on', NULL, 'bool'), ('statement_timeout', '0', 'ms', 'integer'),
  ('background_ddl', 'off', NULL, 'bool'), ('idle_in_transaction_session_timeout', '0', 'ms', 'integer'), ('idle_session_timeout', '0', 'ms', 'integer'),
  ('lock_timeout', '0', 'ms', 'integer'), ('password_encryption', 'scram-sha-256', NULL, 'enum'), ('row_security', 'off', NULL, 'bool'),
  ('synchronous_commit', 'on', NULL, 'enum'),
  ('TimeZone', 'UTC', NULL, 'string'), ('transaction_isolation', 'repeatable read', NULL, 'enum'), ('transaction_read_only', 'off', NULL, 'bool')
) s(ms_name, ms_value, ms_unit, ms_type);

-- What the settings of the type enum can be: psql completes SET … TO with it.
CREATE TABLE live.pgc.ms_setting_values AS
SELECT * FROM (VALUES
  ('bytea_output', ['escape', 'hex']),
  ('client_min_messages', ['debug5', 'debug4', 'debug3', 'debug2', 'debug1', 'log', 'notice', 'warning', 'error']),
  ('default_transaction_isolation', ['serializable', 'repeatable read', 'read committed', 'read uncommitted']),
  ('IntervalStyle', ['postgres', 'postgres_verbose', 'sql_standard', 'iso_8601']), ('password_encryption', ['scram-sha-256']),
  ('synchronous_commit', ['local', 'remote_write', 'remote_apply', 'on', 'off']),
  ('transaction_isolation', ['serializable', 'repeatable read', 'read committed', 'read uncommitted'])
) v(ms_setting, ms_values);
