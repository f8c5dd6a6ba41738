package instance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Answer is the result of a statement.
type Answer struct {
	Columns []string
	// Rows hold nil, bool, string and json.Number, which keeps all digits.
	Rows  [][]any
	Epoch uint64
}

// Error is what millstream answered instead of rows.
type Error struct {
	Code    string `json:"code"` // SQLSTATE
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

func (e *Error) Error() string {
	text := e.Message + " (SQLSTATE " + e.Code + ")"
	if e.Hint != "" {
		text += "; hint: " + e.Hint
	}
	return text
}

// Query runs a statement. The error is an *Error when millstream refused it.
func (i *Instance) Query(ctx context.Context, sql string) (*Answer, error) {
	body, err := json.Marshal(map[string]string{"sql": sql})
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.url+"/v1/query", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := i.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	return parseAnswer(response.StatusCode, text)
}

func parseAnswer(status int, text []byte) (*Answer, error) {
	var in struct {
		Columns []struct{ Name string }
		Rows    [][]any
		Epoch   uint64
		Error   *Error
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&in); err != nil {
		return nil, fmt.Errorf("query: status %d with an answer that is not JSON: %w: %.200s", status, err, text)
	}
	if in.Error != nil {
		return nil, in.Error
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("query: status %d: %.200s", status, text)
	}
	a := &Answer{Rows: in.Rows, Epoch: in.Epoch}
	for _, c := range in.Columns {
		a.Columns = append(a.Columns, c.Name)
	}
	return a, nil
}

// Exec runs a statement for its effect.
func (i *Instance) Exec(ctx context.Context, sql string) error {
	_, err := i.Query(ctx, sql)
	return err
}

// Integers runs a statement whose columns are all whole numbers. NULL is 0.
func (i *Instance) Integers(ctx context.Context, sql string) ([][]int64, error) {
	a, err := i.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	return a.Integers()
}

// Integers returns the rows of an answer whose columns are all whole numbers.
func (a *Answer) Integers() ([][]int64, error) {
	rows := make([][]int64, len(a.Rows))
	for r, row := range a.Rows {
		rows[r] = make([]int64, len(row))
		for c, v := range row {
			if v == nil {
				continue
			}
			// BIGINT beyond 2^53 comes as a string.
			n, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("column %s is not a whole number: %w", a.Columns[c], err)
			}
			rows[r][c] = n
		}
	}
	return rows, nil
}

// String writes the rows, one per line.
func (a *Answer) String() string {
	var b strings.Builder
	b.WriteString(strings.Join(a.Columns, " | "))
	for _, row := range a.Rows {
		b.WriteByte('\n')
		for c, v := range row {
			if c > 0 {
				b.WriteString(" | ")
			}
			fmt.Fprint(&b, v)
		}
	}
	return b.String()
}
