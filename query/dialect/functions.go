package dialect

import (
	_ "embed" // functions.sql
	"regexp"
	"strings"
	"sync"
)

//go:embed functions.sql
var functions string

// Functions returns the statements, separated by semicolons, that make the macros,
// in the schema functions.main.
func Functions() string { return functions }

var macroPattern = regexp.MustCompile(`(?m)^CREATE MACRO functions\.main\.("[^"]+"|\w+)`)

var known = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	for _, m := range macroPattern.FindAllStringSubmatch(functions, -1) {
		if name := strings.Trim(m[1], `"`); !strings.HasPrefix(name, "ms_") {
			set[name] = true
		}
	}
	return set
})

// Known reports whether name, in lower case, is one of the functions. It is safe
// for concurrent use.
func Known(name string) bool { return known()[name] }
