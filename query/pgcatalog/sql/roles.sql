-- Roles, memberships and rights, over millstream.roles, .role_members and
-- .privileges. Columns are called ms_ for the reason given in tables.sql.

-- A user who has not logged in as a role may do everything, whatever the name.
CREATE VIEW live.pgc.ms_role AS
SELECT id AS ms_oid, name AS ms_name, login AS ms_login, admin AS ms_super, may_create AS ms_create, connection_limit AS ms_limit, valid_until AS ms_until
FROM live.millstream.roles
UNION ALL
SELECT 16383, live.pgc.current_user(), true, false, true, -1, NULL WHERE live.pgc.current_user() NOT IN (SELECT name FROM live.millstream.roles);

CREATE VIEW live.pgc.ms_membership AS
WITH RECURSIVE m(ms_member, ms_role) AS (
  SELECT ms_oid, ms_oid FROM live.pgc.ms_role
  UNION
  SELECT m.ms_member, x.role FROM m JOIN (SELECT role, member FROM live.millstream.role_members UNION ALL SELECT 22, 16383) x ON x.member = m.ms_role)
SELECT * FROM m;

-- Who has which rights on a relation: rows of letters as in aclitem, the owner's
-- with all of them. Late and rejected records go with their source or view.
CREATE VIEW live.pgc.ms_grant AS
SELECT r.ms_oid AS ms_relation, p.owner AS ms_owner, p.grantee AS ms_grantee, p.letters AS ms_letters
FROM live.millstream.privileges p
JOIN live.pgc.ms_relation r ON r.ms_schema = 'public' AND regexp_replace(r.ms_name, '\$(late|rejected)$', '') = p.object;

-- A name as it stands in an aclitem; everybody is the empty one.
CREATE MACRO live.pgc.ms_acl_name(ms_n) AS CASE WHEN regexp_full_match(ms_n, '[A-Za-z0-9_]*') THEN ms_n ELSE '"' || replace(ms_n, '"', '""') || '"' END;

CREATE VIEW live.pgc.ms_access AS
SELECT g.ms_relation, any_value(g.ms_owner) AS ms_owner, any_value(o.ms_name) AS ms_owner_name,
  CASE WHEN count(*) > 1 THEN list(live.pgc.ms_acl_name(coalesce(t.ms_name, '')) || '=' || g.ms_letters || '/' || live.pgc.ms_acl_name(o.ms_name)
    ORDER BY g.ms_grantee <> g.ms_owner, g.ms_grantee = 0, g.ms_grantee) END AS ms_acl
FROM live.pgc.ms_grant g JOIN live.pgc.ms_role o ON o.ms_oid = g.ms_owner LEFT JOIN live.pgc.ms_role t ON t.ms_oid = g.ms_grantee
GROUP BY g.ms_relation;

-- What each role may do, of its own and by its memberships. Everybody may read
-- the catalogs, but for what is about passwords.
CREATE VIEW live.pgc.ms_right AS
SELECT m.ms_member, g.ms_relation, string_agg(g.ms_letters, '') AS ms_letters
FROM live.pgc.ms_membership m JOIN (
  SELECT ms_relation, ms_grantee, ms_letters FROM live.pgc.ms_grant
  UNION ALL SELECT ms_oid, 20, 'r' FROM live.pgc.ms_relation WHERE ms_schema = 'public'
  UNION ALL SELECT ms_oid, 21, 'arwdD' FROM live.pgc.ms_relation WHERE ms_schema = 'public'
  UNION ALL SELECT ms_oid, CASE WHEN ms_name IN ('pg_authid', 'pg_shadow') THEN 22 ELSE 0 END, 'r' FROM live.pgc.ms_relation WHERE ms_schema <> 'public'
) g ON g.ms_grantee = m.ms_role OR g.ms_grantee = 0 AND m.ms_role = m.ms_member
GROUP BY m.ms_member, g.ms_relation;

-- The rights of the current user as the functions below look them up, by the
-- names and numbers of relations, '@' and that of roles, and '#create'. A
-- session that has logged in has them in the DuckDB variable ms_may; without,
-- all rights are there. A subquery in the functions would not be allowed
-- everywhere: not in the ON of an outer join.
CREATE VIEW live.pgc.ms_my_rights AS
SELECT map_from_entries(list({'k': ms_key, 'v': ms_letters})) AS ms_map FROM (
  SELECT unnest([r.ms_oid::VARCHAR, r.ms_schema || '.' || r.ms_name, r.ms_schema || '."' || r.ms_name || '"']
    || CASE WHEN r.ms_schema IN ('public', 'pg_catalog') THEN [r.ms_name, '"' || r.ms_name || '"'] ELSE []::VARCHAR[] END) AS ms_key, x.ms_letters
  FROM live.pgc.ms_right x JOIN live.pgc.ms_role u ON u.ms_oid = x.ms_member JOIN live.pgc.ms_relation r ON r.ms_oid = x.ms_relation
  WHERE u.ms_name = live.pgc.current_user()
  UNION ALL
  SELECT unnest(['@' || r.ms_name, '@' || r.ms_oid]), 'm'
  FROM live.pgc.ms_membership m JOIN live.pgc.ms_role u ON u.ms_oid = m.ms_member JOIN live.pgc.ms_role r ON r.ms_oid = m.ms_role
  WHERE u.ms_name = live.pgc.current_user()
  UNION ALL
  SELECT '#create', 'C' FROM live.pgc.ms_role WHERE ms_name = live.pgc.current_user() AND ms_create);

-- has_table_privilege and its like, for the current user and for others. Of
-- several rights with commas between, one is enough.
-- (The letters become words by replace, since they may come from a subquery,
-- which must not be in a lambda.)
CREATE MACRO live.pgc.ms_holds(ms_l, ms_p) AS list_has_any(
  list_transform(string_split(upper(ms_p), ','), lambda ms_x: trim(regexp_replace(ms_x, ' WITH GRANT OPTION\s*$', ''))),
  string_split(replace(replace(replace(replace(replace(coalesce(ms_l, '-'), 'D', 'TRUNCATE,'), 'a', 'INSERT,'), 'r', 'SELECT,'), 'w', 'UPDATE,'), 'd', 'DELETE,'), ','));
CREATE MACRO live.pgc.ms_mine(ms_k) AS coalesce((getvariable('ms_may')::MAP(VARCHAR, VARCHAR))[ms_k], (getvariable('ms_may')::MAP(VARCHAR, VARCHAR))[lower(ms_k)]);
CREATE MACRO live.pgc.ms_theirs(ms_u, ms_t) AS (
  SELECT any_value(x.ms_letters) FROM live.pgc.ms_right x JOIN live.pgc.ms_role u ON u.ms_oid = x.ms_member JOIN live.pgc.ms_relation r ON r.ms_oid = x.ms_relation
  WHERE (u.ms_name = ms_u::VARCHAR OR u.ms_oid::VARCHAR = ms_u::VARCHAR)
    AND (r.ms_oid::VARCHAR = ms_t::VARCHAR OR r.ms_name = replace(ms_t::VARCHAR, '"', '') AND r.ms_schema IN ('public', 'pg_catalog')
      OR r.ms_schema || '.' || r.ms_name = replace(ms_t::VARCHAR, '"', '')));
CREATE MACRO live.pgc.has_table_privilege
  (ms_a, ms_b) AS getvariable('ms_may') IS NULL OR live.pgc.ms_holds(live.pgc.ms_mine(ms_a::VARCHAR), ms_b),
  (ms_a, ms_b, ms_c) AS live.pgc.ms_holds(live.pgc.ms_theirs(ms_a, ms_b), ms_c);
CREATE MACRO live.pgc.has_any_column_privilege
  (ms_a, ms_b) AS live.pgc.has_table_privilege(ms_a, ms_b),
  (ms_a, ms_b, ms_c) AS live.pgc.has_table_privilege(ms_a, ms_b, ms_c);
CREATE MACRO live.pgc.has_column_privilege
  (ms_a, ms_b, ms_c) AS live.pgc.has_table_privilege(ms_a, ms_c),
  (ms_a, ms_b, ms_c, ms_d) AS live.pgc.has_table_privilege(ms_a, ms_b, ms_d);
CREATE MACRO live.pgc.has_schema_privilege
  (ms_a, ms_b) AS getvariable('ms_may') IS NULL OR contains(upper(ms_b), 'USAGE') OR ms_a::VARCHAR IN ('public', '2200') AND live.pgc.ms_mine('#create') IS NOT NULL,
  (ms_a, ms_b, ms_c) AS contains(upper(ms_c), 'USAGE') OR ms_b::VARCHAR IN ('public', '2200') AND coalesce((
    SELECT u.ms_create FROM live.pgc.ms_role u WHERE u.ms_name = ms_a::VARCHAR OR u.ms_oid::VARCHAR = ms_a::VARCHAR), false);
CREATE MACRO live.pgc.pg_has_role
  (ms_a, ms_b) AS getvariable('ms_may') IS NULL OR live.pgc.ms_mine('@' || ms_a::VARCHAR) IS NOT NULL,
  (ms_a, ms_b, ms_c) AS EXISTS (
    SELECT 1 FROM live.pgc.ms_membership m JOIN live.pgc.ms_role u ON u.ms_oid = m.ms_member JOIN live.pgc.ms_role r ON r.ms_oid = m.ms_role
    WHERE (u.ms_name = ms_a::VARCHAR OR u.ms_oid::VARCHAR = ms_a::VARCHAR) AND (r.ms_name = ms_b::VARCHAR OR r.ms_oid::VARCHAR = ms_b::VARCHAR));

-- Rights that everybody has.
CREATE MACRO live.pgc.has_database_privilege (ms_a, ms_b) AS true, (ms_a, ms_b, ms_c) AS true;
CREATE MACRO live.pgc.has_function_privilege (ms_a, ms_b) AS true, (ms_a, ms_b, ms_c) AS true;
CREATE MACRO live.pgc.has_type_privilege (ms_a, ms_b) AS true, (ms_a, ms_b, ms_c) AS true;
CREATE MACRO live.pgc.has_language_privilege (ms_a, ms_b) AS true, (ms_a, ms_b, ms_c) AS true;
CREATE MACRO live.pgc.has_sequence_privilege (ms_a, ms_b) AS true, (ms_a, ms_b, ms_c) AS true;
CREATE MACRO live.pgc.has_tablespace_privilege (ms_a, ms_b) AS true, (ms_a, ms_b, ms_c) AS true;

CREATE MACRO live.pgc.to_regrole(ms_a) AS coalesce(TRY_CAST(ms_a::VARCHAR AS BIGINT),
  (SELECT any_value(u.ms_oid) FROM live.pgc.ms_role u WHERE u.ms_name = live.pgc.ms_fold(ms_a::VARCHAR)));
CREATE MACRO live.pgc.regrole_in(ms_a) AS CASE WHEN ms_a IS NULL THEN NULL
  ELSE coalesce(live.pgc.to_regrole(ms_a), error('role "' || ms_a::VARCHAR || '" does not exist')) END;
CREATE MACRO live.pgc.regrole_out(ms_a) AS coalesce((SELECT any_value(live.pgc.ms_acl_name(u.ms_name)) FROM live.pgc.ms_role u WHERE u.ms_oid = ms_a), ms_a::VARCHAR);
CREATE MACRO live.pgc.pg_get_userbyid(ms_a) AS CASE WHEN ms_a = 10 THEN 'millstream'
  ELSE coalesce((SELECT any_value(u.ms_name) FROM live.pgc.ms_role u WHERE u.ms_oid = ms_a), 'unknown (OID=' || ms_a || ')') END;

CREATE VIEW live.pgc.pg_authid AS
SELECT ms_oid::BIGINT AS oid, ms_name AS rolname, ms_super AS rolsuper, true AS rolinherit, ms_super AS rolcreaterole, false AS rolcreatedb,
  ms_login AS rolcanlogin, false AS rolreplication, false AS rolbypassrls, ms_limit::INTEGER AS rolconnlimit, NULL::VARCHAR AS rolpassword,
  ms_until AS rolvaliduntil
FROM live.pgc.ms_role;

CREATE VIEW live.pgc.pg_roles AS
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit, '********' AS rolpassword,
  rolvaliduntil, rolbypassrls, NULL::VARCHAR[] AS rolconfig, oid
FROM live.pgc.pg_authid;

CREATE VIEW live.pgc.pg_user AS
SELECT rolname AS usename, oid AS usesysid, rolcreatedb AS usecreatedb, rolsuper AS usesuper, rolreplication AS userepl,
  rolbypassrls AS usebypassrls, rolpassword AS passwd, rolvaliduntil AS valuntil, rolconfig AS useconfig
FROM live.pgc.pg_roles WHERE rolcanlogin;

CREATE VIEW live.pgc.pg_auth_members AS
SELECT role::BIGINT AS roleid, member::BIGINT AS member, 10::BIGINT AS grantor, false AS admin_option FROM live.millstream.role_members;

CREATE VIEW live.pgi.enabled_roles AS
SELECT r.ms_name AS role_name
FROM live.pgc.ms_membership m JOIN live.pgc.ms_role u ON u.ms_oid = m.ms_member JOIN live.pgc.ms_role r ON r.ms_oid = m.ms_role
WHERE u.ms_name = live.pgc.current_user();

CREATE VIEW live.pgi.applicable_roles AS
SELECT u.ms_name AS grantee, r.ms_name AS role_name, 'NO' AS is_grantable
FROM live.millstream.role_members m JOIN live.pgc.ms_role u ON u.ms_oid = m.member JOIN live.pgc.ms_role r ON r.ms_oid = m.role
WHERE u.ms_name IN (SELECT role_name FROM live.pgi.enabled_roles);

-- The grants that the current user has given or got, of those by name. Who has
-- not logged in has all rights.
CREATE VIEW live.pgi.table_privileges AS
SELECT g.grantor, g.grantee, 'millstream' AS table_catalog, r.ms_schema AS table_schema, r.ms_name AS table_name, p.name AS privilege_type,
  CASE WHEN g.grantor = g.grantee THEN 'YES' ELSE 'NO' END AS is_grantable, CASE p.letter WHEN 'r' THEN 'YES' ELSE 'NO' END AS with_hierarchy
FROM (
  SELECT x.ms_relation AS relation, o.ms_name AS grantor, coalesce(t.ms_name, 'PUBLIC') AS grantee, x.ms_letters AS letters
  FROM live.pgc.ms_grant x JOIN live.pgc.ms_role o ON o.ms_oid = x.ms_owner LEFT JOIN live.pgc.ms_role t ON t.ms_oid = x.ms_grantee
  UNION ALL SELECT ms_oid, 'millstream', 'PUBLIC', 'r' FROM live.pgc.ms_relation WHERE ms_schema <> 'public'
  UNION ALL SELECT ms_oid, 'millstream', live.pgc.current_user(), CASE ms_schema WHEN 'public' THEN 'arwdD' ELSE 'r' END FROM live.pgc.ms_relation
    WHERE live.pgc.current_user() NOT IN (SELECT name FROM live.millstream.roles)
) g JOIN live.pgc.ms_relation r ON r.ms_oid = g.relation
JOIN (VALUES ('a', 'INSERT'), ('r', 'SELECT'), ('w', 'UPDATE'), ('d', 'DELETE'), ('D', 'TRUNCATE')) p(letter, name) ON contains(g.letters, p.letter)
WHERE g.grantee = 'PUBLIC' OR g.grantee IN (SELECT role_name FROM live.pgi.enabled_roles) OR g.grantor IN (SELECT role_name FROM live.pgi.enabled_roles);

CREATE VIEW live.pgi.role_table_grants AS SELECT * FROM live.pgi.table_privileges WHERE grantee <> 'PUBLIC';
