package hot

// Tables are those of one source or stream.
type Tables []*Table

// Seal keeps what is there from being merged with what comes.
func (ts Tables) Seal() {
	for _, t := range ts {
		t.Seal()
	}
}

// Renew is that of each table.
func (ts Tables) Renew() {
	for _, t := range ts {
		t.Renew()
	}
}

// Charge returns the bytes that the rows have taken from the budget.
func (ts Tables) Charge() (bytes int64) {
	for _, t := range ts {
		bytes += t.Charge()
	}
	return bytes
}

// Drop is that of each table.
func (ts Tables) Drop(epoch uint64) (charge int64) {
	for _, t := range ts {
		charge += t.Drop(epoch)
	}
	return charge
}

// EveryEpoch is an epoch for Drop after which no rows are left.
const EveryEpoch = ^uint64(0)
