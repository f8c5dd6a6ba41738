package parser

import "strconv"

// ShowJobs is SHOW JOBS.
type ShowJobs struct{}

// Command returns the tag SHOW.
func (*ShowJobs) Command() string { return "SHOW" }

// CancelJobs is CANCEL JOB id and CANCEL JOBS id, ….
type CancelJobs struct {
	Jobs []JobNumber
}

// JobNumber is a job's number in a statement.
type JobNumber struct {
	ID     int64
	Offset int
}

// Command returns the tag CANCEL JOBS.
func (*CancelJobs) Command() string { return "CANCEL JOBS" }

// cancel reads CANCEL JOB 3 and CANCEL JOBS 3, 4.
func (p *parser) cancel() Statement {
	p.expect("cancel")
	if !p.accept("job") {
		p.expect("jobs")
	}
	s := &CancelJobs{}
	for {
		t := p.peek()
		id, err := strconv.ParseInt(t.Value, 10, 64)
		if err != nil || t.Kind != Number && t.Kind != String {
			wrong := syntaxError(t)
			wrong.Hint = "Write CANCEL JOB with a number that SHOW JOBS shows."
			panic(wrong)
		}
		s.Jobs = append(s.Jobs, JobNumber{id, t.Offset})
		p.take()
		if !p.acceptMark(",") {
			break
		}
	}
	p.end()
	return s
}
