package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"example.com/okta-secops/internal/okta"
)

// guarded are the policies that the table of guardrails compares, the first without any rule.
var guarded = []struct{ name, policy string }{
	{"no rules", `{"disabled_rules": ["last_super_admin", "own_identity", "admin_credentials"]}`},
	{"rules that are always on", `{}`},
	{"Terraform's default", `{"assignable_roles": ["READ_ONLY_ADMIN"], "max_users_per_hour": 100}`},
}

// guardrails compares Disable User (suspend) of 100 users with and without guardrails, in turns. Facts that the product keeps
// are read before.
func (p plan) guardrails(ctx context.Context, w io.Writer) error {
	const users, latency = 100, 50 * time.Millisecond
	fmt.Fprintf(w, "Disable User (suspend), %d users, Okta %s away, OKTA_CONCURRENCY=%d, median of %d in turns\n\n",
		users, latency, p.concurrency, p.guardedReps)
	stands := make([]*stand, len(guarded))
	for i, g := range guarded {
		s, err := newStand(p.concurrency, 1, okta.SystemClock{}, map[string]string{"GUARDRAILS": g.policy})
		if err != nil {
			return err
		}
		defer s.Close()
		stands[i] = s
	}
	took := make([][]time.Duration, len(guarded))
	for rep := range p.guardedReps + 1 {
		for i, s := range stands {
			if err := s.prepare(ctx, users, latency); err != nil {
				return err
			}
			begun := time.Now()
			lost, err := s.suspend(ctx, 0, users)
			if err != nil || lost > 0 {
				return fmt.Errorf("%s: %d of %d users were lost: %w", guarded[i].name, lost, users, err)
			}
			if rep > 0 { // the first reads the facts
				took[i] = append(took[i], time.Since(begun))
			}
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i, g := range guarded {
		fmt.Fprintf(table, "%s\t%s\t%.3f x\t\n", g.name, short(median(took[i])), float64(median(took[i]))/float64(median(took[0])))
	}
	fmt.Fprintln(table)
	return table.Flush()
}
