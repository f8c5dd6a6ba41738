package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// page is what came of all parts.
type page struct {
	Form    string  `json:"form"`
	Commit  string  `json:"commit"` // with "+" behind it if files have been changed since
	Date    string  `json:"date"`
	Machine string  `json:"machine"`
	Seconds float64 `json:"seconds"`
	Failed  int     `json:"failed"`
	Parts   []line  `json:"parts"`
}

// line is what came of a part.
type line struct {
	Name     string   `json:"name"`
	OK       bool     `json:"ok"`
	Seconds  float64  `json:"seconds"`
	Counts   []string `json:"counts"`
	Problems []string `json:"problems"`
	Tests    []*test  `json:"tests"`
}

// nameWidth is that of the column of names.
const nameWidth = 15

func (p *page) head() string {
	return fmt.Sprintf("Millstream torture, the %s form\n%-*s %s\n%-*s %s\n%-*s %s\n\n",
		p.Form, nameWidth, "commit", p.Commit, nameWidth, "date", p.Date, nameWidth, "machine", p.Machine)
}

func (l line) String() string {
	verdict, texts := "ok", l.Counts
	if !l.OK {
		verdict, texts = "FAILED", append(append([]string{}, l.Problems...), l.Counts...)
	}
	gap := "\n" + strings.Repeat(" ", nameWidth+17)
	return fmt.Sprintf("%-*s %-6s %8s  %s\n", nameWidth, l.Name, verdict, clock(l.Seconds), strings.Join(texts, gap))
}

func clock(seconds float64) string {
	return (time.Duration(seconds) * time.Second).String()
}

func (p *page) foot() string {
	if p.Failed > 0 {
		return fmt.Sprintf("\n%d of %d parts FAILED, %s\n", p.Failed, len(p.Parts), clock(p.Seconds))
	}
	return fmt.Sprintf("\nall %d parts ok, %s\n", len(p.Parts), clock(p.Seconds))
}

// add notes a line and prints it.
func (p *page) add(l line, out io.Writer) {
	p.Parts = append(p.Parts, l)
	if !l.OK {
		p.Failed++
	}
	_, _ = io.WriteString(out, l.String()) // who reads the page notices
}

// save writes the page for programs.
func (p *page) save(path string) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}
