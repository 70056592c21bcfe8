package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/audit"
	"example.com/okta-secops/internal/logging"
)

// maxEntry is the documented bound: Cloud Logging drops an entry above 256 KiB.
const maxEntry = 200 << 10

// entry is a log entry with a record.
type entry struct {
	Message string
	Audit   struct {
		audit.InvocationRecord
		Kind   string
		Number int
		Target audit.Target
	}
}

// written returns the log entries that f writes, as the product writes them.
func written(t *testing.T, hashLogins bool, f func(*audit.Log)) []entry {
	t.Helper()
	var out bytes.Buffer
	logger := logging.New(&out, func(string) string { return "acme" })
	f(audit.New(func() *slog.Logger { return logger }, "okta-users-00007-abc", hashLogins))
	var entries []entry
	for line := range strings.Lines(out.String()) {
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %.200s", err, line)
		}
		if len(line) > maxEntry {
			t.Errorf("an entry has %d bytes", len(line))
		}
		entries = append(entries, e)
	}
	return entries
}

// texts are the characters that take the most room in an entry.
var texts = map[string]string{
	"four-byte characters": "\U0001f512", "control characters": "\x01", "invalid UTF-8": "\xff", "quotes": `"`,
	"line separators": "\u2028",
}

// context returns a context with the maximum number of members, whose names and values have the
// maximum size in bytes.
func context(text string) map[string]string {
	members := map[string]string{}
	for i := range 32 {
		whole := strings.Repeat(text, 1024/len(text))
		members[string(rune('a'+i))+whole[len(text):]] = whole
	}
	return members
}

func TestAudit_StaysUnder200KiB(t *testing.T) {
	t.Parallel()
	for name, text := range texts {
		occasion := audit.Occasion{
			InvocationID: "01J", Function: "OktaUsers", Action: strings.Repeat(text, 80), CallerAuth: "iam",
			Caller:  strings.Repeat(text, 8<<10),
			Context: context(text), IdempotencyKey: strings.Repeat(text, 900<<10), MessageID: strings.Repeat(text, 900<<10),
		}
		target := audit.Target{
			Source: "parameter", UserID: "00u1234567890abcdefg", Outcome: "changed", Before: map[string]any{"status": "ACTIVE"},
			After: map[string]any{"roles": []string{strings.Repeat(text, 256)}}, ErrorCode: strings.Repeat(text, 256),
			OktaRequestID: strings.Repeat(text, 256),
		}
		targets := make([]audit.Target, 200)
		for i := range targets {
			targets[i] = target
			targets[i].Input = fmt.Sprintf("%03d", i) + strings.Repeat(text, 253)
			targets[i].Login = targets[i].Input
		}
		entries := written(t, false, func(log *audit.Log) {
			log.Invocation(t.Context(), audit.InvocationRecord{
				Occasion: occasion, Status: "success", HTTPStatus: 200, ErrorCode: strings.Repeat(text, 8<<10), Targets: targets,
			}, time.Second)
			log.Begun(t.Context(), audit.WriteRecord{Occasion: occasion, Target: targets[0], Route: "POST /x",
				OktaRequestID: strings.Repeat(text, 8<<10)})
			log.Ended(t.Context(), audit.WriteRecord{Occasion: occasion, Target: targets[0], Route: "POST /x",
				ErrorCode: strings.Repeat(text, 8<<10)})
		})
		n, parts := 0, len(entries)-2
		for i, e := range entries {
			if e.Audit.Number != i+1 || len(e.Audit.Context) != 32 {
				t.Errorf("%s: entry %d has the number %d and %d members of context", name, i, e.Audit.Number, len(e.Audit.Context))
			}
			if i >= parts {
				if e.Audit.Target.Input[:3] != "000" || e.Audit.Target.Outcome != "changed" {
					t.Errorf("%s: %s of target %.9s", name, e.Audit.Kind, e.Audit.Target.Input)
				}
				continue
			}
			if e.Audit.Kind != "invocation" || e.Audit.Part != i+1 || e.Audit.Parts != parts || e.Audit.HTTPStatus != 200 ||
				e.Audit.DurationMS != 1000 ||
				!strings.HasSuffix(e.Message, fmt.Sprintf(", 200 changed (part %d of %d)", i+1, parts)) {
				t.Errorf("%s: part %d is %d of %d: %s", name, i+1, e.Audit.Part, e.Audit.Parts, e.Message)
			}
			for _, target := range e.Audit.Targets {
				if want := fmt.Sprintf("%03d", n); target.Input[:3] != want || target.Login[:3] != want ||
					target.Outcome != "changed" {
					t.Errorf("%s: target %s is %.9s, %s", name, want, target.Input, target.Outcome)
				}
				n++
			}
		}
		if n != 200 || parts < 2 {
			t.Errorf("%s: %d targets in %d parts", name, n, parts)
		}
	}
}

func TestAudit_KeepsTextsWithinTheBoundsOfARequest(t *testing.T) {
	t.Parallel()
	text := "\U0001f512"
	target := audit.Target{Input: strings.Repeat(text, 256), Login: strings.Repeat(text, 256), Outcome: "changed",
		Before: map[string]any{"status": "ACTIVE"}}
	entries := written(t, false, func(log *audit.Log) {
		log.Invocation(t.Context(), audit.InvocationRecord{
			Occasion: audit.Occasion{Context: context(text), IdempotencyKey: strings.Repeat(text, 255)},
			Targets:  []audit.Target{target},
		}, 0)
	})
	if len(entries) != 1 {
		t.Fatalf("%d entries", len(entries))
	}
	got := entries[0].Audit
	if got.Part != 0 || got.Parts != 0 || got.ContextCut != 0 || got.IdempotencyKey != strings.Repeat(text, 255) {
		t.Errorf("part %d of %d, %d members of context cut, key %s", got.Part, got.Parts, got.ContextCut, got.IdempotencyKey)
	}
	if diff := cmp.Diff(context(text), got.Context); diff != "" {
		t.Errorf("context (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]audit.Target{target}, got.Targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

func TestAudit_CutsALargeContextWithACount(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range 20_000 {
		many[fmt.Sprintf("%05d", i)] = "v"
	}
	for name, c := range map[string]struct {
		context   map[string]string
		kept, cut int
	}{
		"one long value": {map[string]string{"case_id": "4711", "note": strings.Repeat("x", 900<<10)}, 2, 1},
		"the same name after cut": {map[string]string{strings.Repeat("n", 90<<10): "1", strings.Repeat("n", 90<<10) +
			"m": "2"}, 2, 2},
		"equal long names": {map[string]string{strings.Repeat("n", 90<<10) + "a": "1", strings.Repeat("n", 90<<10) +
			"b": "2"}, 1, 2},
		"very many members": {many, 312, 20_000 - 312},
	} {
		entries := written(t, false, func(log *audit.Log) {
			log.Invocation(t.Context(), audit.InvocationRecord{Occasion: audit.Occasion{Context: c.context}}, 0)
		})
		got := entries[0].Audit
		if len(entries) != 1 || len(got.Context) != c.kept || got.ContextCut != c.cut ||
			c.context["case_id"] != got.Context["case_id"] {
			t.Errorf("%s: %d members, %d cut", name, len(got.Context), got.ContextCut)
		}
	}
}

func TestAudit_OmitsALargeStateWithItsSize(t *testing.T) {
	t.Parallel()
	entries := written(t, false, func(log *audit.Log) {
		log.Begun(t.Context(), audit.WriteRecord{Target: audit.Target{
			Before: map[string]any{"roles": strings.Repeat("x", 900<<10)}, After: map[string]any{"status": "ACTIVE"},
		}})
	})
	got := entries[0].Audit.Target
	if n, _ := got.Before["omitted_bytes"].(float64); n < 900<<10 || len(got.Before) != 1 ||
		got.After["status"] != "ACTIVE" {
		t.Errorf("before %v, after %v", got.Before, got.After)
	}
}

func TestAudit_HashesTheNamesOfAllParts(t *testing.T) {
	t.Parallel()
	targets := make([]audit.Target, 10_000)
	for i := range targets {
		targets[i] = audit.Target{
			Input: fmt.Sprintf("user%d@acme.test", i), Source: "parameter", UserID: "00u1234567890abcdefg",
			Login:   fmt.Sprintf("user%d@acme.test", i),
			Outcome: "changed", Before: map[string]any{"status": "ACTIVE"}, After: map[string]any{"status": "SUSPENDED"},
		}
	}
	entries := written(t, true, func(log *audit.Log) {
		log.Invocation(t.Context(), audit.InvocationRecord{Occasion: audit.Occasion{Action: "Disable User"},
			Status: "success", Targets: targets}, 0)
	})
	n := 0
	for _, e := range entries {
		for _, target := range e.Audit.Targets {
			if n++; !strings.HasPrefix(target.Input, "sha256:") || target.Login != target.Input {
				t.Fatalf("target %d: %+v", n, target)
			}
		}
	}
	if n != len(targets) || targets[0].Login != "user0@acme.test" {
		t.Errorf("%d targets, the first is %s", n, targets[0].Login)
	}
}
