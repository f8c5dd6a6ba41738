package subscription

import (
	"context"
	"time"

	"github.com/millstream-db/millstream/engine/duck"
)

// Step is a statement whose rows are told. Done is called when all of them have
// been read, Abort when they are not going to be; one of them is called once.
type Step struct {
	Conn  *duck.Conn
	Done  func() error
	Abort func()

	rows  *duck.Rows
	stmt  *duck.Stmt
	began time.Time
}

// Run starts the statement. If that fails, the step is aborted.
func (st *Step) Run(ctx context.Context, sql string, args ...any) error {
	stmt, err := st.Conn.Prepare(sql)
	if err != nil {
		st.Abort()
		return err
	}
	rows, err := stmt.Query(ctx, args...)
	if err != nil {
		stmt.Close()
		st.Abort()
		return err
	}
	st.stmt, st.rows = stmt, rows
	return nil
}

func (st *Step) closeRows() {
	if st.rows != nil {
		st.rows.Close()
		st.stmt.Close()
		st.rows = nil
	}
}
