package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.com/okta-secops/internal/apierr"
)

// errorTables returns the tables of docs/errors.md: the codes of the product, which the source under root must have,
// and those of Okta.
func errorTables(root string) (string, error) {
	s, err := scanCodes(root)
	if err != nil {
		return "", err
	}
	if err := s.check(); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("\n## Codes of the product\n\n| Code | Kind | Meaning | HTTP | Retry | Who fixes it | Runbook |\n" +
		"|---|---|---|---|---|---|---|\n")
	for _, c := range errorCodes {
		kinds := append(slices.Clone(c.kinds), s.uses[c.code]...)
		slices.Sort(kinds)
		status, again := columns(kinds)
		if c.status != 0 {
			status, again = strconv.Itoa(c.status), "no"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", c.code, orDash(codes(names(kinds))), c.meaning,
			status, again, c.fixer, runbookLink(c.runbook))
	}
	b.WriteString("\n## Codes of Okta\n\n" +
		"| Code | Okta's status and text | Kind | HTTP | Retry | What to do | Runbook |\n" +
		"|---|---|---|---|---|---|---|\n")
	for _, c := range oktaCodes {
		status, again := columns([]apierr.Kind{c.kind})
		fmt.Fprintf(&b, "| `%s` | %d %s | `%s` | %s | %s | %s | %s |\n", c.code, c.status, c.summary, c.kind, status, again,
			c.todo, runbookLink(c.runbook))
	}
	return b.String() + "\n", nil
}

// columns returns the HTTP statuses of errors of the kinds, and whether a retry can help.
func columns(kinds []apierr.Kind) (status, again string) {
	var statuses, retries []string
	for _, k := range kinds {
		m := k.Meaning()
		statuses = append(statuses, strconv.Itoa(m.HTTPStatus))
		switch {
		case m.Retryable:
			retries = append(retries, "yes")
		case m.Redeliver:
			retries = append(retries, "after the fix")
		default:
			retries = append(retries, "no")
		}
	}
	slices.Sort(statuses)
	slices.Sort(retries)
	return strings.Join(slices.Compact(statuses), ", "), strings.Join(slices.Compact(retries), ", ")
}

// names returns the names of the kinds.
func names(kinds []apierr.Kind) []string {
	list := make([]string, len(kinds))
	for i, k := range kinds {
		list[i] = k.String()
	}
	return list
}

func runbookLink(name string) string {
	if name == "" {
		return "-"
	}
	return "[" + name + "](runbooks/" + name + ".md)"
}
