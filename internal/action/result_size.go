package action

import (
	"encoding/json"
	"sync"

	"example.com/okta-secops/internal/okta"
)

// resultBudget is what the results of one invocation may hold, a json_result's worth. It goes to the first targets: what a
// target takes is given up again if those before it need the room. So the results that are left do not depend on the
// order in which Okta answered.
type resultBudget struct {
	client *okta.Client

	mu    sync.Mutex
	sizes []int
	drop  []func()
	end   int // the targets from here on are left out
	taken int
}

func (c *Execution) newResultBudget(targets int) *resultBudget {
	return &resultBudget{client: c.Okta, sizes: make([]int, targets), drop: make([]func(), targets), end: targets}
}

// take keeps size bytes for the i-th target. drop is called when they cannot be kept, now or later. The error is that
// the process holds too much.
func (r *resultBudget) take(i, size int, drop func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i >= r.end {
		drop()
		return nil
	}
	if err := r.client.Keep(size); err != nil {
		drop()
		return err
	}
	r.sizes[i], r.drop[i] = size, drop
	for r.taken += size; r.taken > maxJSON; {
		r.end--
		if last := r.drop[r.end]; last != nil {
			last()
			r.taken -= r.sizes[r.end]
			r.client.Drop(r.sizes[r.end])
		}
	}
	return nil
}

// sizeOf is the size of what a target's result holds of Okta's objects, which alone can be large. A user is not
// counted: its room is taken when it is looked up.
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

// warnOmitted says that json_result holds only some of the targets.
func (c *Execution) warnOmitted(held, targets int) {
	if targets == 1 {
		c.Warn("The JSON result is empty: the object is too large for a reply, which stops growing at %d MB.", maxJSON>>20)
		return
	}
	c.Warn("The JSON result holds %d of %d targets: a reply stops growing at %d MB. Ask for fewer at a time.",
		held, targets, maxJSON>>20)
}
