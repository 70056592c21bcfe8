package idempotency

import "time"

// SetTicks replaces the ticker that triggers the renewal of leases.
func (s *Store) SetTicks(ticks func(every time.Duration) (<-chan time.Time, func())) { s.ticks = ticks }

// Held returns the number of records in a Memory and their size in bytes.
func (m *Memory) Held() (records, size int) {
	for i := range m.stages {
		records += m.stages[i].records.Len()
		size += m.stages[i].size
	}
	return max(records, len(m.records)), size
}
