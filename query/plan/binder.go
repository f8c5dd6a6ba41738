package plan

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// Binder is what planning asks of DuckDB. Its session must run in UTC.
type Binder interface {
	// Serialize returns json_serialize_sql of a statement. The error is about
	// reaching DuckDB; a syntax error is in the JSON.
	Serialize(ctx context.Context, sql string) ([]byte, error)
	// Deserialize returns json_deserialize_sql of a syntax tree.
	Deserialize(ctx context.Context, ast []byte) (string, error)
	// Describe binds a SELECT and returns its columns without running it. The
	// SELECT may refer to the relations named in tables, which are empty. When
	// DuckDB refuses the SELECT, the error's text contains DuckDB's, such as
	// "Binder Error: …".
	Describe(ctx context.Context, sql string, tables map[string][]batch.Column) ([]Field, error)
}

// Field is a column of a SELECT: its name and DuckDB's name of its type.
type Field struct {
	Name, Type string
}

// The names of the relations that planning describes SELECTs over.
const (
	sourceRelation = "ms_source"
	stateRelation  = "ms_state"
)

// binding describes expressions over one relation.
type binding struct {
	b        Binder
	relation string
	columns  []batch.Column
	from     string                    // what is read, as SQL over the relation; "" for the relation itself
	more     map[string][]batch.Column // relations in from besides
}

// reads returns what is read.
func (d *binding) reads() string {
	if d.from != "" {
		return d.from
	}
	return d.relation
}

// types returns the DuckDB types of expressions, given as SQL.
func (d *binding) describe(ctx context.Context, sql string) ([]Field, error) {
	tables := map[string][]batch.Column{d.relation: d.columns}
	maps.Copy(tables, d.more)
	return d.b.Describe(ctx, sql, tables)
}

// typeOf returns the SQL and the DuckDB type of one expression. The error of an
// expression that DuckDB refuses names its innermost part that is at fault.
func (d *binding) typeOf(ctx context.Context, n ast.Node) (sql, typeName string, err error) {
	if sql, err = deparseExpr(ctx, d.b, n); err != nil {
		return "", "", err
	}
	fields, err := d.describe(ctx, "SELECT "+sql+" FROM "+d.reads())
	if err != nil {
		return "", "", d.locate(ctx, n, err)
	}
	if len(fields) != 1 {
		return "", "", fmt.Errorf("describe %q: %d columns", sql, len(fields))
	}
	return sql, fields[0].Type, nil
}

// locate gives a binding error the place of the innermost expression in n that
// DuckDB refuses: its own message counts in text that the user never saw.
func (d *binding) locate(ctx context.Context, n ast.Node, cause error) error {
	if ctx.Err() != nil {
		return cause
	}
	var inner error
	ast.EachChild(n, func(c ast.Node) {
		if inner != nil || c.Class() == "LAMBDA" || c.Class() == "CONSTANT" || c.Flag(ast.LambdaMark) {
			return
		}
		if _, _, err := d.typeOf(ctx, c); err != nil {
			inner = err
		}
	})
	if inner != nil {
		return inner
	}
	return bindError(n.Location(), cause)
}

var (
	errorKind      = regexp.MustCompile(`(?:Binder|Catalog|Conversion|Parser|Syntax|Not implemented|Invalid Input|Out of Range|Invalid Type) Error: `)
	noMatch        = regexp.MustCompile(`No function matches the given name and argument types '([^']*)'`)
	noFunction     = regexp.MustCompile(`Function with name "?([^ "]+)"? does not exist!`)
	candidateLines = regexp.MustCompile(`\n\s+([^\n]+ -> [^\n]+)`)
	suggestion     = regexp.MustCompile(`Did you mean ("[^"]*")`)
)

// bindError turns DuckDB's refusal into an Error. Other errors stay as they are.
func bindError(offset int, cause error) error {
	text := cause.Error()
	at := errorKind.FindStringIndex(text)
	if at == nil {
		return cause
	}
	kind := strings.TrimSuffix(text[at[0]:at[1]], ": ")
	text, _, _ = strings.Cut(text[at[1]:], "\n\nLINE ")
	if m := noMatch.FindStringSubmatch(text); m != nil {
		e := fail(codeUndefinedFunction, offset, "function %s does not exist", m[1])
		var candidates []string
		for _, c := range candidateLines.FindAllStringSubmatch(text, -1) {
			candidates = append(candidates, strings.TrimSpace(c[1]))
		}
		if len(candidates) == 0 || len(candidates) > 12 {
			return e.hint("you might need a cast")
		}
		return e.hint("you might need a cast; there is %s", strings.Join(candidates, ", "))
	}
	if m := noFunction.FindStringSubmatch(text); m != nil {
		e := fail(codeUndefinedFunction, offset, "function %s does not exist", m[1])
		if m[1] == "every" {
			return e.hint("write bool_and")
		}
		if s := suggestion.FindStringSubmatch(text); s != nil {
			return e.hint("did you mean %s?", s[1])
		}
		return e
	}
	code := codeDatatypeMismatch
	switch kind {
	case "Conversion Error", "Out of Range Error", "Invalid Input Error":
		code = codeInvalidText
	case "Parser Error", "Syntax Error":
		code = codeSyntax
	case "Not implemented Error":
		code = codeUnsupported
	}
	message, _, _ := strings.Cut(text, "\n")
	return fail(code, offset, "%s", strings.TrimSpace(message))
}

// representable returns the type of a column, given DuckDB's name of it. Lists,
// structs and the like are no type that joins compare and windows sum.
func representable(typeName string) (batch.Type, bool) {
	t, ok := holdable(typeName)
	if !ok || t.Nested != nil {
		return batch.Type{}, false
	}
	return t, true
}

// holdable returns the type of a column of a batch, given DuckDB's name of it.
func holdable(typeName string) (batch.Type, bool) {
	t, err := batch.ParseType(typeName)
	if err != nil {
		return batch.Type{}, false
	}
	return t, t.Nested == nil || t.String() == typeName
}
