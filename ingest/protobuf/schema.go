package protobuf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/ast"
	"github.com/bufbuild/protocompile/parser"
	"github.com/bufbuild/protocompile/reporter"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Schema is a .proto file and what it imports. It is immutable and safe for
// concurrent use. Its messages have numbers: 0 and up, in the order of the file,
// each before those that are declared in it.
type Schema struct {
	messages []declared
	top      []int
	types    map[string]*message // of the imported files, too: what an Any may hold
}

// declared is a message of the file.
type declared struct {
	*message
	nested []int
}

// SyntaxError says that a text is not that of a .proto file. It quotes nothing of
// the text.
type SyntaxError struct{ Line, Column int }

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("it is not the text of a .proto file: line %d, column %d is wrong", e.Line, e.Column)
}

// rootName is what errors call the text of a schema.
const rootName = "schema"

// ParseSchema reads the text of a .proto file, or its descriptor in base64, which is
// what Confluent's Python client registers and some registries hand on. Imported is
// asked for the texts of the files that it imports, by their paths, and answers
// fs.ErrNotExist for one that is not there; the files of google/protobuf,
// google/type and confluent that are in wide use need not be.
func ParseSchema(text string, imported func(path string) (string, error)) (*Schema, error) {
	root, err := parse(rootName, text)
	if err != nil {
		return nil, err
	}
	find := func(path string) (protocompile.SearchResult, error) {
		if path == rootName {
			return root, nil
		}
		text, err := imported(path)
		if bundle, ok := bundled[path]; ok && errors.Is(err, fs.ErrNotExist) {
			text, err = bundle, nil
		}
		if err != nil {
			return protocompile.SearchResult{}, err
		}
		return parse(path, text)
	}
	c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(protocompile.ResolverFunc(find)), MaxParallelism: 1}
	files, err := c.Compile(context.Background(), rootName)
	if err != nil {
		return nil, err
	}
	return newSchema(files[0])
}

// openMax is how many brackets may be open in the text of a schema. The compiler
// descends into them.
const openMax = 1000

func parse(path, text string) (protocompile.SearchResult, error) {
	if file := descriptor(path, text); file != nil {
		return protocompile.SearchResult{Proto: file}, nil
	}
	file, err := parseText(path, text)
	return protocompile.SearchResult{AST: file}, err
}

func parseText(path, text string) (*ast.FileNode, error) {
	open := 0
	for _, c := range []byte(text) {
		switch c {
		case '{', '[', '<', '(':
			open++
		case '}', ']', '>', ')':
			open--
		}
		if open > openMax {
			return nil, fmt.Errorf("%s has more than %d brackets inside one another", path, openMax)
		}
	}
	file, err := parser.Parse(path, strings.NewReader(text), reporter.NewHandler(nil))
	var wrong reporter.ErrorWithPos
	if errors.As(err, &wrong) {
		at := wrong.GetPosition()
		return nil, &SyntaxError{Line: at.Line, Column: at.Col}
	}
	return file, err
}

func newSchema(file protoreflect.FileDescriptor) (*Schema, error) {
	s := &Schema{types: make(map[string]*message)}
	t := &typeTable{make(map[protoreflect.FullName]*message), make(map[protoreflect.FullName]*enum)}
	s.top = s.declare(t, file.Messages())
	if len(s.top) == 0 {
		return nil, errors.New("the schema declares no message")
	}
	declareImported(t, file, make(map[string]bool))
	for name, m := range t.messages {
		s.types[string(name)] = m
	}
	return s, nil
}

// declare numbers messages and those in them. The pairs of maps are messages to the
// compiler only.
func (s *Schema) declare(t *typeTable, messages protoreflect.MessageDescriptors) (numbers []int) {
	for i := range messages.Len() {
		d := messages.Get(i)
		if d.IsMapEntry() {
			continue
		}
		number := len(s.messages)
		numbers = append(numbers, number)
		s.messages = append(s.messages, declared{message: t.message(d)})
		nested := s.declare(t, d.Messages())
		s.messages[number].nested = nested
	}
	return numbers
}

func declareImported(t *typeTable, file protoreflect.FileDescriptor, seen map[string]bool) {
	for i := range file.Imports().Len() {
		imported := file.Imports().Get(i).FileDescriptor
		if seen[imported.Path()] {
			continue
		}
		seen[imported.Path()] = true
		(&Schema{}).declare(t, imported.Messages())
		declareImported(t, imported, seen)
	}
}

// Name returns the full name of a message.
func (s *Schema) Name(message int) string { return s.messages[message].name }

// Nested returns the message that is declared in another one, or with -1 in the
// file, behind so many others.
func (s *Schema) Nested(outer, index int) (message int, ok bool) {
	within := s.top
	if outer >= 0 {
		within = s.messages[outer].nested
	}
	if index < 0 || index >= len(within) {
		return 0, false
	}
	return within[index], true
}

// Named returns the message of a full name, or with "" the only one that the file
// declares outside of others. The error names those that there are.
func (s *Schema) Named(name string) (message int, err error) {
	if name == "" && len(s.top) == 1 {
		return s.top[0], nil
	}
	var names []string
	for i, m := range s.messages {
		if m.name == name {
			return i, nil
		}
		names = append(names, m.name)
	}
	const most = 8
	if len(names) > most {
		names = append(names[:most], "…")
	}
	if name == "" {
		return 0, fmt.Errorf("it declares several messages: say which one (%s)", strings.Join(names, ", "))
	}
	return 0, fmt.Errorf("it does not declare message %s, but %s", name, strings.Join(names, ", "))
}
