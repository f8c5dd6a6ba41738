package parser

// Backup is BACKUP TO 'directory'.
type Backup struct {
	Directory string
	Offset    int // of the directory
}

// Command returns the tag BACKUP.
func (*Backup) Command() string { return "BACKUP" }

func (p *parser) backup() Statement {
	p.expect("backup", "to")
	t := p.peek()
	if t.Kind != String || t.Value == "" {
		wrong := syntaxError(t)
		wrong.Hint = "Write BACKUP TO with the name of a new directory: BACKUP TO 'monday'."
		panic(wrong)
	}
	p.take()
	p.end()
	return &Backup{Directory: t.Value, Offset: t.Offset}
}
