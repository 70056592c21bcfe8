package idempotency

import "time"

// SetTicks replaces the ticker that renews leases.
func (s *Store) SetTicks(ticks func(every time.Duration) (<-chan time.Time, func())) { s.ticks = ticks }

// Held returns how many claims a Memory holds, and their size in bytes.
func (m *Memory) Held() (claims, size int) {
	for i := range m.stages {
		claims += m.stages[i].records.Len()
		size += m.stages[i].size
	}
	return max(claims, len(m.records)), size
}
