// Package torture breaks a running millstream on purpose and counts what it
// lost: the process is killed while it ingests, read while it checkpoints, its
// disk fills up, its broker fails and loses records, and it is fed what it can't read.
//
// Everything is in tests: TestCrash (make crash CYCLES=100),
// TestKillPoints (at the places that package killpoint names), TestFileGivenUp,
// TestBackup, TestFileMutations, TestReadersDuringCheckpoints, TestDiskFull, TestBrokerFaults and TestBadInput. They build the
// millstream binary and run it as a child process beside an embedded broker.
// Each prints one line with what it measured.
package torture
