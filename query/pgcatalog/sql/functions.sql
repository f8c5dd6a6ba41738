-- Functions of Postgres as macros. Parameters are called ms_ for the reason
-- given in tables.sql; names in the bodies are qualified, because macros are
-- bound on the search path of whoever calls them.

-- Who and where. The server may tell the session's user and process by the
-- DuckDB variables ms_user, ms_session_user and ms_pid.
CREATE MACRO live.pgc.version() AS 'PostgreSQL 15.0 (Millstream)';
CREATE MACRO live.pgc.current_user() AS coalesce(getvariable('ms_user')::VARCHAR, 'millstream');
CREATE MACRO live.pgc.session_user() AS coalesce(getvariable('ms_session_user')::VARCHAR, 'millstream');
CREATE MACRO live.pgc.current_role() AS live.pgc.current_user();
CREATE MACRO live.pgc."user"() AS live.pgc.current_user();
CREATE MACRO live.pgc.current_database() AS 'millstream';
CREATE MACRO live.pgc.current_catalog() AS 'millstream';
CREATE MACRO live.pgc.current_schema() AS 'public';
CREATE MACRO live.pgc.current_schemas(ms_a) AS CASE WHEN ms_a THEN ['pg_catalog', 'public'] ELSE ['public'] END;
CREATE MACRO live.pgc.pg_backend_pid() AS coalesce(getvariable('ms_pid')::INTEGER, 0);
CREATE MACRO live.pgc.pg_is_in_recovery() AS false;
CREATE MACRO live.pgc.pg_advisory_unlock_all() AS ''; -- nobody can take such a lock
CREATE MACRO live.pgc.pg_is_wal_replay_paused() AS false;
CREATE MACRO live.pgc.inet_client_addr() AS NULL::VARCHAR;
CREATE MACRO live.pgc.inet_client_port() AS NULL::INTEGER;
CREATE MACRO live.pgc.inet_server_addr() AS NULL::VARCHAR;
CREATE MACRO live.pgc.inet_server_port() AS NULL::INTEGER;
CREATE MACRO live.pgc.pg_my_temp_schema() AS 0::BIGINT;
CREATE MACRO live.pgc.pg_is_other_temp_schema(ms_a) AS false;
CREATE MACRO live.pgc.txid_current() AS 1::BIGINT;

CREATE MACRO live.pgc.ms_in_unit(ms_a, ms_b) AS CASE
  WHEN ms_b = 'ms' AND regexp_matches(ms_a, '^[0-9]+(ms|s|min|h|d)$') THEN (regexp_extract(ms_a, '^[0-9]+')::BIGINT *
    MAP {'ms': 1, 's': 1000, 'min': 60000, 'h': 3600000, 'd': 86400000}[regexp_extract(ms_a, '[a-z]+$')])::VARCHAR
  ELSE ms_a END;
CREATE MACRO live.pgc.ms_session_setting(ms_a) AS coalesce(
  CAST(getvariable('ms_settings') AS MAP(VARCHAR, VARCHAR))[lower(ms_a)],
  (SELECT ms_value FROM live.pgc.ms_setting WHERE lower(ms_name) = lower(ms_a)));
CREATE MACRO live.pgc.current_setting
  (ms_a) AS coalesce(live.pgc.ms_session_setting(ms_a), error('unrecognized configuration parameter "' || ms_a || '"')),
  (ms_a, ms_b) AS live.pgc.ms_session_setting(ms_a);
CREATE MACRO live.pgc.set_config(ms_a, ms_b, ms_c) AS ms_b::VARCHAR;
CREATE MACRO live.pgc.pg_cancel_backend(ms_a) AS ms_signal(0, ms_a::INTEGER, getvariable('ms_pid')::DOUBLE);
CREATE MACRO live.pgc.pg_terminate_backend
  (ms_a) AS ms_signal(1, ms_a::INTEGER, getvariable('ms_pid')::DOUBLE),
  (ms_a, ms_b) AS ms_signal(1, ms_a::INTEGER, getvariable('ms_pid')::DOUBLE);
CREATE MACRO live.pgc.pg_sleep(ms_a) AS CASE WHEN ms_signal(2, getvariable('ms_pid')::INTEGER, ms_a::DOUBLE) THEN '' ELSE '' END;

-- Names.
CREATE MACRO live.pgc.quote_ident(ms_a) AS
  CASE WHEN regexp_full_match(ms_a, '[a-z_][a-z0-9_]*') AND NOT contains(
    ' all analyse analyze and any array as asc asymmetric authorization between binary both case cast check coalesce collate collation column concurrently constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user default deferrable desc distinct do else end except exists extract false fetch for foreign freeze from full grant group having ilike in initially inner intersect interval into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references returning right row select session_user similar some symmetric table tablesample then time timestamp to trailing true union unique user using values variadic verbose when where window with ',
    ' ' || ms_a || ' ') THEN ms_a ELSE '"' || replace(ms_a, '"', '""') || '"' END;
CREATE MACRO live.pgc.quote_literal(ms_a) AS '''' || replace(ms_a::VARCHAR, '''', '''''') || '''';
CREATE MACRO live.pgc.quote_nullable(ms_a) AS coalesce('''' || replace(ms_a::VARCHAR, '''', '''''') || '''', 'NULL');
CREATE MACRO live.pgc.ms_fold(ms_a) AS CASE WHEN contains(ms_a, '"') THEN replace(ms_a, '"', '') ELSE lower(trim(ms_a)) END;

CREATE MACRO live.pgc.parse_ident(ms_a) AS
  list_transform(regexp_extract_all(ms_a, '"(?:[^"]|"")*"|[^.]+'), lambda ms_x: live.pgc.ms_fold(ms_x));
CREATE MACRO live.pgc.string_to_array(ms_a, ms_b) AS CASE WHEN ms_a = '' THEN [] ELSE string_split(ms_a, ms_b) END;

-- format with %s, %I and %L, which Rewrite calls pg_format: DuckDB's is another.
-- An argument takes the first place that is left; a percent sign in it, and %%,
-- are another character until the end.
CREATE MACRO live.pgc.ms_format(ms_f, ms_a) AS regexp_replace(ms_f, '%[sIL]', replace(replace(
  CASE regexp_extract(ms_f, '%[sIL]') WHEN '%I' THEN live.pgc.quote_ident(ms_a::VARCHAR) WHEN '%L' THEN live.pgc.quote_nullable(ms_a)
    ELSE coalesce(ms_a::VARCHAR, '') END, '\', '\\'), '%', chr(1)));
CREATE MACRO live.pgc.pg_format
  (ms_a) AS replace(ms_a, '%%', '%'),
  (ms_a, ms_b) AS replace(live.pgc.ms_format(replace(ms_a, '%%', chr(1)), ms_b), chr(1), '%'),
  (ms_a, ms_b, ms_c) AS replace(live.pgc.ms_format(live.pgc.ms_format(replace(ms_a, '%%', chr(1)), ms_b), ms_c), chr(1), '%'),
  (ms_a, ms_b, ms_c, ms_d) AS replace(live.pgc.ms_format(live.pgc.ms_format(live.pgc.ms_format(replace(ms_a, '%%', chr(1)), ms_b), ms_c), ms_d), chr(1), '%');

-- The types reg…: numbers inside, names outside.
CREATE MACRO live.pgc.to_regclass(ms_a) AS coalesce(TRY_CAST(ms_a::VARCHAR AS BIGINT),
  (SELECT min(ms_oid) FROM live.pgc.ms_relation WHERE live.pgc.ms_fold(ms_a::VARCHAR) IN (ms_schema || '.' || ms_name, 'millstream.' || ms_schema || '.' || ms_name)
     OR ms_schema IN ('public', 'pg_catalog') AND ms_name = live.pgc.ms_fold(ms_a::VARCHAR)));
CREATE MACRO live.pgc.regclass_in(ms_a) AS CASE WHEN ms_a IS NULL THEN NULL WHEN ms_a::VARCHAR = '-' THEN 0
  ELSE coalesce(live.pgc.to_regclass(ms_a), error('relation "' || ms_a::VARCHAR || '" does not exist')) END;
CREATE MACRO live.pgc.regclass_out(ms_a) AS CASE WHEN ms_a = 0 THEN '-' ELSE coalesce(
  (SELECT CASE WHEN ms_schema IN ('public', 'pg_catalog') THEN '' ELSE ms_schema || '.' END || live.pgc.quote_ident(ms_name)
   FROM live.pgc.ms_relation WHERE ms_oid = ms_a), ms_a::VARCHAR) END;
CREATE MACRO live.pgc.to_regtype(ms_a) AS coalesce(TRY_CAST(ms_a::VARCHAR AS BIGINT),
  (SELECT min(ms_oid) FROM live.pgc.ms_type_name WHERE ms_name = replace(live.pgc.ms_fold(ms_a::VARCHAR), 'pg_catalog.', '')));
CREATE MACRO live.pgc.regtype_in(ms_a) AS CASE WHEN ms_a IS NULL THEN NULL WHEN ms_a::VARCHAR = '-' THEN 0
  ELSE coalesce(live.pgc.to_regtype(ms_a), error('type "' || ms_a::VARCHAR || '" does not exist')) END;
CREATE MACRO live.pgc.regtype_out(ms_a) AS CASE WHEN ms_a = 0 THEN '-' ELSE coalesce(
  (SELECT ms_name || CASE WHEN ms_oid <> ms_base THEN '[]' ELSE '' END FROM live.pgc.ms_type WHERE ms_oid = ms_a), ms_a::VARCHAR) END;
CREATE MACRO live.pgc.to_regproc(ms_a) AS coalesce(TRY_CAST(ms_a::VARCHAR AS BIGINT),
  (SELECT min(ms_oid) FROM live.pgc.ms_function WHERE ms_name = regexp_replace(live.pgc.ms_fold(ms_a::VARCHAR), '^pg_catalog\.|\(.*$', '', 'g')));
CREATE MACRO live.pgc.regproc_in(ms_a) AS CASE WHEN ms_a IS NULL THEN NULL WHEN ms_a::VARCHAR = '-' THEN 0
  ELSE coalesce(live.pgc.to_regproc(ms_a), error('function "' || ms_a::VARCHAR || '" does not exist')) END;
CREATE MACRO live.pgc.regproc_out(ms_a) AS CASE WHEN ms_a = 0 THEN '-' ELSE coalesce(
  (SELECT ms_name FROM live.pgc.ms_function WHERE ms_oid = ms_a), ms_a::VARCHAR) END;
CREATE MACRO live.pgc.to_regnamespace(ms_a) AS coalesce(TRY_CAST(ms_a::VARCHAR AS BIGINT),
  CASE live.pgc.ms_fold(ms_a::VARCHAR) WHEN 'pg_catalog' THEN 11 WHEN 'public' THEN 2200 WHEN 'information_schema' THEN 13207 WHEN 'millstream' THEN 16384 END);
CREATE MACRO live.pgc.regnamespace_in(ms_a) AS CASE WHEN ms_a IS NULL THEN NULL
  ELSE coalesce(live.pgc.to_regnamespace(ms_a), error('schema "' || ms_a::VARCHAR || '" does not exist')) END;
CREATE MACRO live.pgc.regnamespace_out(ms_a) AS
  CASE ms_a WHEN 11 THEN 'pg_catalog' WHEN 2200 THEN 'public' WHEN 13207 THEN 'information_schema' WHEN 16384 THEN 'millstream' ELSE ms_a::VARCHAR END;

CREATE MACRO live.pgc.format_type(ms_a, ms_b) AS CASE WHEN ms_a IS NULL THEN NULL WHEN ms_a = 0 THEN '-' ELSE coalesce(
  (SELECT CASE
      WHEN coalesce(ms_b, -1) < 0 THEN CASE ms_base WHEN 1042 THEN CASE WHEN ms_b IS NULL THEN 'character' ELSE 'bpchar' END ELSE ms_name END
      WHEN ms_base = 1700 THEN 'numeric(' || (((ms_b - 4) >> 16) & 65535) || ',' || ((ms_b - 4) & 2047) || ')'
      WHEN ms_base IN (1042, 1043) THEN ms_name || '(' || (ms_b - 4) || ')'
      WHEN ms_base IN (1560, 1562) THEN ms_name || '(' || ms_b || ')'
      WHEN ms_base IN (1083, 1114, 1184, 1266) THEN regexp_replace(ms_name, ' ', '(' || ms_b || ') ')
      ELSE ms_name END || CASE WHEN ms_oid <> ms_base THEN '[]' ELSE '' END
   FROM live.pgc.ms_type WHERE ms_oid = ms_a), '???') END;

-- What is visible without its schema. The numbers alone tell; see lookup.sql.
CREATE MACRO live.pgc.pg_table_is_visible(ms_a) AS CASE WHEN ms_a < 1000000 THEN ms_a < 13000 ELSE ms_a % 2 = 0 END;
CREATE MACRO live.pgc.pg_type_is_visible(ms_a) AS ms_a IS NOT NULL;
CREATE MACRO live.pgc.pg_function_is_visible(ms_a) AS ms_a IS NOT NULL;
CREATE MACRO live.pgc.pg_operator_is_visible(ms_a) AS ms_a IS NOT NULL;
CREATE MACRO live.pgc.pg_opclass_is_visible(ms_a) AS ms_a IS NOT NULL;
CREATE MACRO live.pgc.pg_opfamily_is_visible(ms_a) AS ms_a IS NOT NULL;
CREATE MACRO live.pgc.pg_collation_is_visible(ms_a) AS ms_a IS NOT NULL;
CREATE MACRO live.pgc.pg_conversion_is_visible(ms_a) AS ms_a IS NOT NULL;
CREATE MACRO live.pgc.pg_statistics_obj_is_visible(ms_a) AS ms_a IS NOT NULL;
CREATE MACRO live.pgc.pg_ts_config_is_visible(ms_a) AS ms_a IS NOT NULL;
CREATE MACRO live.pgc.pg_ts_dict_is_visible(ms_a) AS ms_a IS NOT NULL;
CREATE MACRO live.pgc.pg_ts_parser_is_visible(ms_a) AS ms_a IS NOT NULL;
CREATE MACRO live.pgc.pg_ts_template_is_visible(ms_a) AS ms_a IS NOT NULL;

-- Descriptions and definitions of objects.
CREATE MACRO live.pgc.pg_encoding_to_char(ms_a) AS CASE ms_a WHEN 6 THEN 'UTF8' WHEN 0 THEN 'SQL_ASCII' ELSE '' END;
CREATE MACRO live.pgc.pg_char_to_encoding(ms_a) AS CASE WHEN upper(replace(ms_a, '-', '')) = 'UTF8' THEN 6 ELSE -1 END;
CREATE MACRO live.pgc.getdatabaseencoding() AS 'UTF8';
CREATE MACRO live.pgc.pg_client_encoding() AS 'UTF8';
CREATE MACRO live.pgc.obj_description
  (ms_a) AS (SELECT c.ms_text FROM live.pgc.ms_comment c WHERE c.ms_oid = ms_a AND c.ms_num = 0),
  (ms_a, ms_b) AS (SELECT c.ms_text FROM live.pgc.ms_comment c WHERE c.ms_oid = ms_a AND c.ms_num = 0 AND ms_b = 'pg_class');
CREATE MACRO live.pgc.shobj_description(ms_a, ms_b) AS NULL::VARCHAR;
CREATE MACRO live.pgc.col_description(ms_a, ms_b) AS
  (SELECT c.ms_text FROM live.pgc.ms_comment c WHERE c.ms_oid = ms_a AND c.ms_num = ms_b AND ms_b > 0);
CREATE MACRO live.pgc.pg_get_expr (ms_a, ms_b) AS ms_a::VARCHAR, (ms_a, ms_b, ms_c) AS ms_a::VARCHAR;
CREATE MACRO live.pgc.pg_get_viewdef
  (ms_a) AS (SELECT ms_definition FROM live.pgc.ms_view_definition WHERE ms_oid = live.pgc.regclass_in(ms_a)),
  (ms_a, ms_b) AS (SELECT ms_definition FROM live.pgc.ms_view_definition WHERE ms_oid = live.pgc.regclass_in(ms_a));
CREATE MACRO live.pgc.ms_indexdef(ms_a) AS (SELECT 'CREATE UNIQUE INDEX ' || ms_name || ' ON public.' || ms_table || ' USING btree (' || ms_columns || ')'
  FROM live.pgc.ms_key WHERE ms_index = ms_a);
CREATE MACRO live.pgc.pg_get_indexdef (ms_a) AS live.pgc.ms_indexdef(ms_a), (ms_a, ms_b, ms_c) AS CASE WHEN ms_b = 0 THEN live.pgc.ms_indexdef(ms_a)
  ELSE (SELECT live.pgc.quote_ident(c.ms_name) FROM live.pgc.ms_table_column c WHERE 500000000 + c.ms_oid = ms_a AND c.ms_key = ms_b) END;
CREATE MACRO live.pgc.ms_constraintdef(ms_a) AS (SELECT 'PRIMARY KEY (' || ms_columns || ')' FROM live.pgc.ms_key WHERE ms_constraint = ms_a);
CREATE MACRO live.pgc.pg_get_constraintdef (ms_a) AS live.pgc.ms_constraintdef(ms_a), (ms_a, ms_b) AS live.pgc.ms_constraintdef(ms_a);
CREATE MACRO live.pgc.pg_get_triggerdef (ms_a) AS NULL::VARCHAR, (ms_a, ms_b) AS NULL::VARCHAR;
CREATE MACRO live.pgc.pg_get_ruledef (ms_a) AS NULL::VARCHAR, (ms_a, ms_b) AS NULL::VARCHAR;
CREATE MACRO live.pgc.pg_get_partkeydef(ms_a) AS NULL::VARCHAR;
CREATE MACRO live.pgc.pg_get_partition_constraintdef(ms_a) AS NULL::VARCHAR;
CREATE MACRO live.pgc.pg_get_statisticsobjdef(ms_a) AS NULL::VARCHAR;
CREATE MACRO live.pgc.pg_get_statisticsobjdef_columns(ms_a) AS NULL::VARCHAR;
CREATE MACRO live.pgc.pg_get_functiondef(ms_a) AS NULL::VARCHAR;
CREATE MACRO live.pgc.pg_get_function_result(ms_a) AS
  (SELECT live.pgc.regtype_out(ms_result) FROM live.pgc.ms_function WHERE ms_oid = ms_a);
CREATE MACRO live.pgc.pg_get_function_arguments(ms_a) AS
  (SELECT ms_arguments FROM live.pgc.ms_function WHERE ms_oid = ms_a);
CREATE MACRO live.pgc.pg_get_function_identity_arguments(ms_a) AS
  (SELECT ms_arguments FROM live.pgc.ms_function WHERE ms_oid = ms_a);
CREATE MACRO live.pgc.pg_get_function_sqlbody(ms_a) AS NULL::VARCHAR;
CREATE MACRO live.pgc.pg_get_serial_sequence(ms_a, ms_b) AS NULL::VARCHAR;
CREATE MACRO live.pgc.pg_relation_is_publishable(ms_a) AS false;
CREATE MACRO live.pgc.pg_tablespace_location(ms_a) AS '';

-- Sizes. Sources and views have no files of their own.
CREATE MACRO live.pgc.pg_table_size(ms_a) AS 0::BIGINT;
CREATE MACRO live.pgc.pg_indexes_size(ms_a) AS 0::BIGINT;
CREATE MACRO live.pgc.pg_relation_size (ms_a) AS 0::BIGINT, (ms_a, ms_b) AS 0::BIGINT;
CREATE MACRO live.pgc.pg_total_relation_size(ms_a) AS 0::BIGINT;
CREATE MACRO live.pgc.pg_stat_get_numscans(ms_a) AS 0::BIGINT;
CREATE MACRO live.pgc.pg_database_size(ms_a) AS 0::BIGINT;
CREATE MACRO live.pgc.pg_tablespace_size(ms_a) AS 0::BIGINT;

-- The words that have a meaning in SQL are DuckDB's.
CREATE MACRO live.pgc.pg_timezone_names() AS TABLE
SELECT name, abbrev, utc_offset, is_dst FROM system.main.pg_timezone_names();

CREATE MACRO live.pgc.pg_get_keywords() AS TABLE
SELECT keyword_name AS word, CASE keyword_category WHEN 'reserved' THEN 'R' WHEN 'unreserved' THEN 'U' WHEN 'column_name' THEN 'C' ELSE 'T' END AS catcode,
  keyword_category <> 'reserved' AS barelabel,
  CASE keyword_category WHEN 'reserved' THEN 'reserved' WHEN 'unreserved' THEN 'unreserved'
    WHEN 'column_name' THEN 'unreserved (cannot be function or type name)' ELSE 'reserved (can be function or type name)' END AS catdesc,
  CASE keyword_category WHEN 'reserved' THEN 'requires AS' ELSE 'can be bare label' END AS baredesc
FROM duckdb_keywords();

-- Arrays.
CREATE MACRO live.pgc._pg_expandarray(ms_a) AS unnest(list_transform(ms_a, lambda ms_x, ms_i: {'x': ms_x, 'n': ms_i::INTEGER}));
CREATE MACRO live.pgc.array_upper(ms_a, ms_b) AS CASE WHEN ms_b = 1 AND len(ms_a) > 0 THEN len(ms_a) END;
CREATE MACRO live.pgc.array_lower(ms_a, ms_b) AS CASE WHEN ms_b = 1 AND len(ms_a) > 0 THEN 1 END;
CREATE MACRO live.pgc.array_remove(ms_a, ms_b) AS list_filter(ms_a, lambda ms_x: ms_x IS DISTINCT FROM ms_b);
-- Without arguments that are NULL this is DuckDB's, but for an empty list.
CREATE MACRO live.pgc.array_to_string
  (ms_a, ms_b) AS CASE WHEN len(ms_a) = 0 THEN '' ELSE list_aggregate(ms_a::VARCHAR[], 'string_agg', ms_b) END,
  (ms_a, ms_b, ms_c) AS CASE WHEN len(ms_a) = 0 THEN ''
    ELSE list_aggregate(list_transform(ms_a::VARCHAR[], lambda ms_x: coalesce(ms_x, ms_c)), 'string_agg', ms_b) END;
