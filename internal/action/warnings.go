package action

import (
	"fmt"
	"slices"
)

// Warn adds a sentence to the reply's warnings.
func (x *Execution) Warn(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.warnings = append(x.warnings, fmt.Sprintf(format, args...))
}

// targetWarning is a warning about one or more targets.
type targetWarning struct {
	text    string
	targets []string
}

// warnTarget adds a warning about a target. Targets with the same warning share one sentence.
func (x *Execution) warnTarget(t *Target, text string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := slices.IndexFunc(x.targetWarnings, func(w targetWarning) bool { return w.text == text })
	if i < 0 {
		i, x.targetWarnings = len(x.targetWarnings), append(x.targetWarnings, targetWarning{text: text})
	}
	x.targetWarnings[i].targets = append(x.targetWarnings[i].targets, t.name())
}

// allWarnings returns the warnings of the invocation, then those about targets.
func (x *Execution) allWarnings() []string {
	warnings := x.warnings
	for _, w := range x.targetWarnings {
		warnings = append(warnings, Enumerate(w.targets)+": "+w.text)
	}
	return warnings
}
