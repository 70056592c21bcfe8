package action

import (
	"encoding/json"
	"sync"

	"example.com/okta-secops/internal/okta"
)

// resultBudget bounds the memory for the results of one invocation to maxJSON. The first targets
// have priority: when the budget is exceeded, the results of the last targets are dropped.
// Which results remain does not depend on the order in which Okta responds.
type resultBudget struct {
	client *okta.Client

	mu       sync.Mutex
	sizes    []int
	drop     []func()
	end      int // the results from this target on are dropped
	reserved int
}

func (x *Execution) newResultBudget(targets int) *resultBudget {
	return &resultBudget{client: x.Okta, sizes: make([]int, targets), drop: make([]func(), targets), end: targets}
}

// reserve reserves size bytes for the i-th target. It calls drop if they exceed the budget, now or
// later. It returns an error if the memory limit of the process is reached.
func (b *resultBudget) reserve(i, size int, drop func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i >= b.end {
		drop()
		return nil
	}
	if err := b.client.Keep(size); err != nil {
		drop()
		return err
	}
	b.sizes[i], b.drop[i] = size, drop
	for b.reserved += size; b.reserved > maxJSON; {
		b.end--
		if last := b.drop[b.end]; last != nil {
			last()
			b.reserved -= b.sizes[b.end]
			b.client.Drop(b.sizes[b.end])
		}
	}
	return nil
}

// sizeOf returns the size in bytes of the Okta objects in a target's result. Other results are
// small. The size of a user is reserved when the user is looked up.
func sizeOf(value any) (size int) {
	switch v := value.(type) {
	case okta.Group:
		return len(v.Raw)
	case []okta.Group:
		for _, g := range v {
			size += len(g.Raw) + len(g.Profile)
		}
	case []okta.Role:
		for _, r := range v {
			size += len(r.Raw)
		}
	case json.RawMessage: // of an earlier run of the request
		return len(v)
	}
	return size
}

// warnOmitted warns that json_result has the results of some targets only.
func (x *Execution) warnOmitted(held, targets int) {
	if targets == 1 {
		x.Warn("The JSON result is empty: the object exceeds the size limit of a reply, %d MB.", maxJSON>>20)
		return
	}
	x.Warn("The JSON result has %d of %d targets: a reply is limited to %d MB. Request fewer targets at a time.",
		held, targets, maxJSON>>20)
}
