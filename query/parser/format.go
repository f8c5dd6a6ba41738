package parser

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// masked stands in the place of a secret.
const masked = "***"

// secretWords mark an option as a secret when its name contains one of them.
// A JAAS configuration holds a password in its text.
var secretWords = []string{"password", "passwd", "secret", "token", "credential", "api_key", "api.key", "apikey", "jaas", "private"}

// userinfo finds the passwords in addresses: a schema registry's is often given so.
var userinfo = regexp.MustCompile(`://([^/@:\s]*):[^/@\s]*@`)

// FormatCreateSource returns the statement that creates the source. Parsing it
// gives the same tree again, apart from offsets, and with the columns last that are
// other parts of records; with maskSecrets, the values
// of passwords, secrets and tokens are replaced by '***'.
func FormatCreateSource(s *CreateSource, maskSecrets bool) string {
	var b strings.Builder
	b.WriteString(s.Command() + " ")
	if s.IfNotExists {
		b.WriteString("IF NOT EXISTS ")
	}
	b.WriteString(DisplayIdent(s.Name.Name))
	listed := slices.IndexFunc(s.Columns, func(c Column) bool { return c.Part != "" })
	if listed < 0 {
		listed = len(s.Columns)
	}
	items := make([]string, 0, listed+1)
	for _, c := range s.Columns[:listed] {
		item := DisplayIdent(c.Name) + " " + c.Type
		if c.Path != "" {
			item += " PATH " + QuoteLiteral(c.Path)
		}
		if c.Expr != "" {
			item += " AS " + c.Expr
		}
		items = append(items, item)
	}
	if s.Star != nil {
		items = slices.Insert(items, s.Star.At, "*")
	}
	if s.PrimaryKey != nil {
		items = append(items, "PRIMARY KEY ("+displayNames(s.PrimaryKey)+")")
	}
	if w := s.Watermark; w != nil {
		items = append(items, "WATERMARK FOR "+DisplayIdent(w.Column)+" AS "+w.Expr)
	}
	if len(items) > 0 {
		b.WriteString(" (\n  " + strings.Join(items, ",\n  ") + "\n)")
	}
	for _, c := range s.Columns[listed:] {
		b.WriteString("\nINCLUDE " + cmp.Or(c.Part, includedField(c.Expr)))
		if c.PartName != "" {
			b.WriteString(" " + QuoteLiteral(c.PartName))
		}
		b.WriteString(" " + c.Type + " AS " + DisplayIdent(c.Name))
	}
	if len(s.Options) > 0 {
		b.WriteString("\nWITH " + formatOptions(s.Options, maskSecrets))
	}
	if s.Format != "" {
		b.WriteString("\nFORMAT " + formatWord(s.Format) + " ENCODE " + formatWord(s.Encode))
		if len(s.EncodeOptions) > 0 {
			b.WriteString(" " + formatOptions(s.EncodeOptions, maskSecrets))
		}
		if s.KeyEncode != "" {
			b.WriteString("\nKEY ENCODE " + formatWord(s.KeyEncode))
		}
	}
	return b.String()
}

// FormatCreateView returns the statement that creates the view, under the
// promises of FormatCreateSource.
func FormatCreateView(v *CreateView, maskSecrets bool) string {
	var b strings.Builder
	b.WriteString("CREATE ")
	if v.OrReplace {
		b.WriteString("OR REPLACE ")
	}
	b.WriteString("MATERIALIZED VIEW ")
	if v.IfNotExists {
		b.WriteString("IF NOT EXISTS ")
	}
	b.WriteString(DisplayIdent(v.Name.Name))
	if len(v.Options) > 0 {
		b.WriteString(" WITH " + formatOptions(v.Options, maskSecrets))
	}
	b.WriteString(" AS\n" + v.SQL)
	if v.LatenessOffset > 0 {
		b.WriteString("\nALLOW LATENESS INTERVAL '" + formatDuration(v.Lateness) + "'")
	}
	if v.EmitOnClose {
		b.WriteString("\nEMIT ON WINDOW CLOSE")
	}
	return b.String()
}

// formatWord writes FORMAT's and ENCODE's word, which are in upper case.
func formatWord(word string) string {
	if lower := strings.ToLower(word); DisplayIdent(lower) == lower {
		return word
	}
	return QuoteIdent(word)
}

func formatOptions(options []Option, maskSecrets bool) string {
	items := make([]string, len(options))
	for i, o := range options {
		value := o.Value
		if maskSecrets {
			value = withoutSecret(o)
		}
		items[i] = formatOptionName(o.Name) + " = " + QuoteLiteral(value)
	}
	return "(\n  " + strings.Join(items, ",\n  ") + "\n)"
}

// formatOptionName writes a.b.c as it is, and any other name in quotes.
func formatOptionName(name string) string {
	for _, part := range strings.Split(name, ".") {
		if part == "" || !reservedWords[part] && DisplayIdent(part) != part {
			return QuoteLiteral(name)
		}
	}
	return name
}

// withoutSecret returns the option's value as others may see it.
func withoutSecret(o Option) string {
	for _, word := range secretWords {
		if strings.Contains(o.Name, word) {
			return masked
		}
	}
	return userinfo.ReplaceAllString(o.Value, "://$1:"+masked+"@")
}

// formatDuration writes a duration in the greatest unit that gives a whole number.
func formatDuration(d time.Duration) string {
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}, {time.Second, "seconds"}, {time.Millisecond, "milliseconds"}}
	for _, u := range units {
		if d%u.size == 0 {
			return fmt.Sprintf("%d %s", d/u.size, u.name)
		}
	}
	return fmt.Sprintf("%d microseconds", d.Microseconds())
}
