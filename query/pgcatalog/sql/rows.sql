-- Rows that don't change, in tables that are made from relations.txt.

INSERT INTO live.pgc.pg_type BY NAME
SELECT ms_oid AS oid, ms_typname AS typname, 11 AS typnamespace, 10 AS typowner, f[3]::SMALLINT AS typlen, f[4] = 't' AS typbyval,
  f[5] AS typtype, f[6] AS typcategory, f[7] = 't' AS typispreferred, true AS typisdefined, f[8] AS typdelim, 0 AS typrelid,
  CASE WHEN ms_oid IN (22, 30) THEN 6179 WHEN f[9] <> '0' THEN 6180 ELSE 0 END AS typsubscript, f[9]::BIGINT AS typelem,
  f[10]::BIGINT AS typarray, f[11]::BIGINT AS typinput, f[12]::BIGINT AS typoutput, f[13]::BIGINT AS typreceive, f[14]::BIGINT AS typsend,
  f[15]::BIGINT AS typmodin, f[16]::BIGINT AS typmodout, 0 AS typanalyze, f[17] AS typalign, f[18] AS typstorage, false AS typnotnull,
  f[19]::BIGINT AS typbasetype, f[20]::INTEGER AS typtypmod, 0 AS typndims, f[21]::BIGINT AS typcollation
FROM (SELECT *, ms_fields AS f FROM live.pgc.ms_type WHERE ms_oid = ms_base);

-- An array type has its element's modifier, delimiter and collation.
INSERT INTO live.pgc.pg_type BY NAME
SELECT typarray AS oid, '_' || typname AS typname, 11 AS typnamespace, 10 AS typowner, -1 AS typlen, false AS typbyval, 'b' AS typtype,
  'A' AS typcategory, false AS typispreferred, true AS typisdefined, typdelim, 0 AS typrelid, 6179 AS typsubscript, oid AS typelem,
  0 AS typarray, 750 AS typinput, 751 AS typoutput, 2400 AS typreceive, 2401 AS typsend, typmodin, typmodout, 3816 AS typanalyze,
  CASE typalign WHEN 'd' THEN 'd' ELSE 'i' END AS typalign, 'x' AS typstorage, false AS typnotnull, 0 AS typbasetype, -1 AS typtypmod,
  0 AS typndims, typcollation
FROM live.pgc.pg_type WHERE typarray <> 0;

INSERT INTO live.pgc.pg_proc BY NAME
SELECT f[1]::BIGINT AS oid, f[2] AS proname, 11 AS pronamespace, 10 AS proowner, 12 AS prolang, 1 AS procost, 0 AS prorows, 0 AS provariadic,
  0 AS prosupport, 'f' AS prokind, false AS prosecdef, false AS proleakproof, true AS proisstrict, false AS proretset, 'i' AS provolatile,
  's' AS proparallel, len(string_split(f[4], ',')) AS pronargs, 0 AS pronargdefaults, f[3]::BIGINT AS prorettype,
  string_split(f[4], ',')::BIGINT[] AS proargtypes, f[2] AS prosrc
FROM (SELECT string_split(unnest(string_split($functions$, chr(10))), ' ') AS f);

INSERT INTO live.pgc.pg_am BY NAME
SELECT * FROM (VALUES (2, 'heap', 3, 't'), (403, 'btree', 330, 'i')) r(oid, amname, amhandler, amtype);

INSERT INTO live.pgc.pg_collation BY NAME
SELECT *, 11 AS collnamespace, 10 AS collowner, true AS collisdeterministic, -1 AS collencoding
FROM (VALUES (100, 'default', 'd', NULL, NULL), (950, 'C', 'c', 'C', 'C'), (951, 'POSIX', 'c', 'POSIX', 'POSIX'))
  r(oid, collname, collprovider, collcollate, collctype);

INSERT INTO live.pgc.pg_database BY NAME
SELECT 5 AS oid, 'millstream' AS datname, 10 AS datdba, 6 AS encoding, 'c' AS datlocprovider, false AS datistemplate, true AS datallowconn,
  -1 AS datconnlimit, 0 AS datfrozenxid, 0 AS datminmxid, 1663 AS dattablespace, 'C.UTF-8' AS datcollate, 'C.UTF-8' AS datctype;

INSERT INTO live.pgc.pg_tablespace BY NAME
SELECT *, 10 AS spcowner FROM (VALUES (1663, 'pg_default'), (1664, 'pg_global')) r(oid, spcname);

INSERT INTO live.pgc.pg_language BY NAME
SELECT *, 10 AS lanowner, false AS lanispl, 0 AS lanplcallfoid, 0 AS laninline, 0 AS lanvalidator
FROM (VALUES (12, 'internal', false), (14, 'sql', true)) r(oid, lanname, lanpltrusted);

INSERT INTO live.pgc.pg_range BY NAME
SELECT *, 0 AS rngcollation FROM (VALUES (3904, 23, 4451), (3906, 1700, 4532), (3908, 1114, 4533), (3910, 1184, 4534), (3912, 1082, 4535),
  (3926, 20, 4536)) r(rngtypid, rngsubtype, rngmultitypid);
