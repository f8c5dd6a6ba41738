// Package results keeps what the side-by-side benchmark has measured, and draws
// its report from it.
//
// A [File] holds every [Measurement] as it was taken; it is written after each
// one, so that a run that breaks keeps what it has, and a later run of some
// systems adds to it. [File.Report] is the Markdown, [File.Chart] the SVG,
// [File.Targets] what Millstream is to reach and what it does. Nothing of these
// is measured or stored: they are computed from the medians of the file.
package results
