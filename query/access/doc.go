// Package access says what the roles of a database may do, and changes that.
//
// [Rights] belong to one session. They are asked when a statement is prepared,
// where its names have been resolved, and again when it runs: rights may have
// been taken away in between. [Rights.Run] carries out the statements about
// roles: CREATE ROLE, GRANT, SET ROLE and so on.
//
// Roles, owners and grants are plain data of package engine/catalog, and read
// there without a lock.
package access
