package results

import (
	"fmt"
	"html"
	"strings"

	"github.com/millstream-db/millstream/bench/figures"
)

// The measures of the chart, in pixels.
const (
	chartWidth  = 860
	labelWidth  = 250
	valueWidth  = 130
	barHeight   = 18
	barGap      = 6
	panelGap    = 22
	panelTitle  = 26
	chartMargin = 16
)

// The colours of bars.
const (
	ourColour   = "#0f766e"
	peerColour  = "#94a3b8"
	limitColour = "#dbe2ea"
)

// panel is a group of bars of one unit.
type panel struct {
	title string
	bars  []bar
}

type bar struct {
	label, value string
	size         float64
	colour       string
}

// Chart draws the replays' rates and the freshness as SVG.
func (f *File) Chart() string {
	var panels []panel
	for _, w := range Replays {
		panels = append(panels, f.panel(w+", records/s (more is better)", func(s System) (float64, string, bool) {
			rate, ok := f.RecordRate(s.Name, w)
			return rate, figures.Thousands(rate), ok
		}))
	}
	for _, rate := range FreshnessRates {
		w := Freshness(rate)
		panels = append(panels, f.panel(w+", p99 in ms (less is better)", func(s System) (float64, string, bool) {
			ms, ok := f.Median(s.Name, w, P99Millis)
			return ms, figure(ms) + " ms", ok
		}))
	}
	var body strings.Builder
	y := chartMargin
	for _, p := range panels {
		if len(p.bars) > 0 {
			y = p.draw(&body, y)
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="13">
<rect width="%[1]d" height="%[2]d" fill="#ffffff"/>
%[3]s</svg>
`, chartWidth, y, body.String())
}

// panel makes a bar of every system of which there is a figure.
func (f *File) panel(title string, of func(System) (size float64, value string, ok bool)) panel {
	p := panel{title: title}
	for _, s := range f.Systems {
		size, value, ok := of(s)
		if !ok || s.Name == Aggregation || s.Name == MemoryReads { // beside these no other bar could be seen
			continue
		}
		colour := peerColour
		switch {
		case s.Limit:
			colour = limitColour
		case s.Name == Millstream || s.Name == MillstreamHistory:
			colour = ourColour
		}
		p.bars = append(p.bars, bar{label: s.Title, value: value, size: size, colour: colour})
	}
	return p
}

// draw writes the panel from y on and returns where the next one begins.
func (p panel) draw(b *strings.Builder, y int) int {
	largest := 0.0
	for _, x := range p.bars {
		largest = max(largest, x.size)
	}
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>\n", chartMargin, y+barHeight-5, html.EscapeString(p.title))
	y += panelTitle
	for _, x := range p.bars {
		width := 1.0 // what is small is seen
		if largest > 0 {
			width = max(width, x.size/largest*(chartWidth-labelWidth-valueWidth))
		}
		baseline := y + barHeight - 5
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"#334155\">%s</text>\n", labelWidth-8, baseline, html.EscapeString(x.label))
		fmt.Fprintf(b, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\" fill=\"%s\"/>\n", labelWidth, y, width, barHeight, x.colour)
		fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%d\" fill=\"#334155\">%s</text>\n", labelWidth+width+6, baseline, html.EscapeString(x.value))
		y += barHeight + barGap
	}
	return y + panelGap - barGap
}
