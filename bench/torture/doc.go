// Package torture breaks a running millstream on purpose and counts what it
// lost: the process is killed while it ingests, read while it checkpoints, its
// disk fills up, its files are damaged, its broker fails and loses records, it is fed
// what it can't read, and asked what would ruin it.
//
// Everything is in tests: TestCrash (make crash CYCLES=100),
// TestKillPoints (at the places that package killpoint names), TestFileGivenUp,
// TestPowerCuts and TestFailingCalls (at the calls by which it changes its files, which package
// disk watches), TestBackup, TestFileMutations, TestReadersDuringCheckpoints, TestDiskFull, TestBrokerFaults,
// TestBadInput and TestAttacks (whose statements are in testdata). TestAbuse is a bad neighbour to
// clients that do nothing wrong, and TestSoak does everything at once for a long time. They build the
// millstream binary and run it as a child process beside an embedded broker.
// Each prints one line with what it measured, by package result; the command in page runs
// all of them and more, and makes a page of these lines (make torture).
package torture
