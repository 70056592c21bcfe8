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

// remark is a warning about targets.
type remark struct {
	text    string
	targets []string
}

// remark adds a sentence about a target to the reply's warnings. One about several targets is said
// once.
func (c *Execution) remark(t *Target, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.remarks, func(r remark) bool { return r.text == text })
	if i < 0 {
		i, c.remarks = len(c.remarks), append(c.remarks, remark{text: text})
	}
	c.remarks[i].targets = append(c.remarks[i].targets, t.name())
}
