package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// setting is one entry of the configuration, under one name in the file, the
// environment and the flags.
type setting struct {
	name  string
	usage string
	value value
}

// value is a setting's typed place. Its methods are those of flag.Value.
type value interface {
	Set(text string) error
	String() string
}

type textValue struct{ p *string }

func (v textValue) Set(s string) error { *v.p = s; return nil }
func (v textValue) String() string     { return *v.p }

// choiceValue is a text out of a few.
type choiceValue struct {
	p       *string
	choices []string
}

func (v choiceValue) Set(s string) error {
	if !slices.Contains(v.choices, s) {
		return fmt.Errorf("must be one of %s", strings.Join(v.choices, ", "))
	}
	*v.p = s
	return nil
}
func (v choiceValue) String() string { return *v.p }

// listValue is texts between commas.
type listValue struct{ p *[]string }

func (v listValue) Set(s string) error {
	*v.p = nil
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			*v.p = append(*v.p, part)
		}
	}
	return nil
}
func (v listValue) String() string { return strings.Join(*v.p, ",") }

type boolValue struct{ p *bool }

func (v boolValue) Set(s string) error {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return errors.New("must be true or false")
	}
	*v.p = b
	return nil
}
func (v boolValue) String() string { return strconv.FormatBool(*v.p) }

// IsBoolFlag lets the flag stand alone, as flag.Value documents.
func (v boolValue) IsBoolFlag() bool { return true }

type intValue struct{ p *int }

func (v intValue) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return errors.New("must be a whole number, 0 or more")
	}
	*v.p = n
	return nil
}
func (v intValue) String() string { return strconv.Itoa(*v.p) }

type durationValue struct{ p *time.Duration }

func (v durationValue) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return errors.New(`must be a duration such as "500ms", "10s" or "5m"`)
	}
	*v.p = d
	return nil
}

// String leaves out the zero units that time.Duration would add: 5m, not 5m0s.
func (v durationValue) String() string {
	s := v.p.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// sizeValue is a number of bytes.
type sizeValue struct{ p *int64 }

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

func (v sizeValue) Set(s string) error {
	bad := errors.New(`must be a size such as "64MiB" or "2GB"`)
	digits := strings.TrimRight(s, " BbiIkKmMgGtT")
	unit := strings.TrimSpace(s[len(digits):])
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || n < 0 || math.IsInf(n, 0) || math.IsNaN(n) {
		return bad
	}
	if unit == "" && n != 0 {
		return bad // 512 of what?
	}
	for _, u := range sizeUnits {
		if unit == "" || strings.EqualFold(unit, u.name) {
			if n *= float64(u.bytes); n >= math.MaxInt64 {
				return bad
			}
			*v.p = int64(n)
			return nil
		}
	}
	return bad
}

// String writes the size exactly, in the unit that makes it shortest.
func (v sizeValue) String() string {
	best := strconv.FormatInt(*v.p, 10) + "B"
	for _, u := range sizeUnits {
		if s := strconv.FormatInt(*v.p/u.bytes, 10) + u.name; *v.p%u.bytes == 0 && len(s) < len(best) {
			best = s
		}
	}
	return best
}
