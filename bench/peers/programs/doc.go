// Package programs has the programs that Millstream is compared with, each as
// somebody would write it who uses that system, and installs and runs them.
//
// Each folder is one [Program]: a Python script with its requirements.txt, which
// pip installs from PyPI into a virtual environment, or Java with a pom.xml, whose
// jars Maven fetches from Maven Central, or both. [Install] does that once, into a
// cache directory that belongs to the exact text of these files; [Installed.Start]
// runs the program. What cannot be installed is [ErrMissing] with the reason.
//
// All programs understand the same command line, that of [Job], and tell where they are by
// lines of their output:
//
//	@started                 it is up and begins to connect
//	@finished                the rows of all records are there
//	@visible PAGE MAX MICROS what an answer holds of a page, and when it came
//
// A replay has written its rows as CSV by then, as package rows reads them, and ends, at least
// [Linger] after it was done. Spark and Flink also know the mode nexmark, which is a replay of bids.
package programs
