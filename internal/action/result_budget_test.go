package action

import (
	"math/rand/v2"
	"testing"
)

// TestResultBudget_FirstTargetsHavePriority: the order of responses does not decide which results
// remain.
func TestResultBudget_FirstTargetsHavePriority(t *testing.T) {
	t.Parallel()
	sizes := []int{3, 4, 2, 5, 1, 1} // MB: the first three fit, and the last two would fit, too
	for range 50 {
		r := (&Execution{}).newResultBudget(len(sizes))
		left := map[int]bool{}
		for _, i := range rand.Perm(len(sizes)) {
			left[i] = true
			if err := r.reserve(i, sizes[i]<<20, func() { delete(left, i) }); err != nil {
				t.Fatal(err)
			}
			held := 0
			for i := range left {
				held += sizes[i] << 20
			}
			if held > maxJSON || held != r.reserved {
				t.Fatalf("%d bytes are held, %d are counted", held, r.reserved)
			}
		}
		if !left[0] || !left[1] || !left[2] || left[3] {
			t.Fatalf("left are %v", left)
		}
	}
}
