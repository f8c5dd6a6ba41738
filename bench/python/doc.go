// Package python installs the libraries of a Python program from PyPI by name, into
// an environment of their own in the user's cache directory, which later runs use
// again.
package python
