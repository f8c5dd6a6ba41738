package aggregate

// GrowSlots returns a hash table of twice the size with the same entries. A
// slot is 0 when free, else the upper half of a hash above a number that is
// not 0; its place follows from the low bits of that half, so nothing has to
// be hashed again.
func GrowSlots(old []uint64) []uint64 {
	slots := make([]uint64, 2*len(old))
	mask := uint64(len(slots) - 1)
	for _, slot := range old {
		if slot == 0 {
			continue
		}
		at := slot >> 32 & mask
		for slots[at] != 0 {
			at = (at + 1) & mask
		}
		slots[at] = slot
	}
	return slots
}
