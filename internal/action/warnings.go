package action

import (
	"fmt"
	"slices"
)

// Warn adds a sentence to the reply's warnings.
func (c *Execution) Warn(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

// targetWarning is a warning about targets.
type targetWarning struct {
	text    string
	targets []string
}

// warnTarget adds a sentence about a target to the reply's warnings. One about several targets is said
// once.
func (c *Execution) warnTarget(t *Target, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.targetWarnings, func(r targetWarning) bool { return r.text == text })
	if i < 0 {
		i, c.targetWarnings = len(c.targetWarnings), append(c.targetWarnings, targetWarning{text: text})
	}
	c.targetWarnings[i].targets = append(c.targetWarnings[i].targets, t.name())
}
