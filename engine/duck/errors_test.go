package duck

import (
	"strings"
	"testing"
)

// A disk that fails says nothing about what is on it: nobody is told to start on a backup.
func TestFailedDisksAreNoDamage(t *testing.T) {
	t.Parallel()
	for text, damage := range map[string]bool{
		`{"exception_type":"IO","exception_message":"Could not read from file \"x\": Input/output error","errno":"5"}`:                   false,
		`{"exception_type":"IO","exception_message":"Failure while replaying WAL file \"x.wal\": Could not read: Input/output error"}`:   false,
		`IO Error: Cannot open file "x": Input/output error`:                                                                             false,
		`{"exception_type":"FATAL","exception_message":"fsync failed!"}`:                                                                 false,
		`{"exception_type":"IO","exception_message":"Could not write file \"x\": No space left on device","errno":"28"}`:                 false,
		`{"exception_type":"IO","exception_message":"Corrupt WAL file: entry at byte position 3"}`:                                       true,
		`{"exception_type":"IO","exception_message":"Could not read enough bytes from file \"x\": attempted to read 4096 bytes from 0"}`: true,
		`{"exception_type":"Serialization","exception_message":"what nobody has seen"}`:                                                  true,
	} {
		e := parseError(text).opening("x")
		if (e.File != "") != damage || strings.Contains(e.Error(), DamageHint) != damage {
			t.Errorf("%s: %v", text, e)
		}
		if disk := strings.Contains(e.Error(), DiskHint); disk != e.failedDisk() {
			t.Errorf("%s: %v", text, e)
		}
	}
}
