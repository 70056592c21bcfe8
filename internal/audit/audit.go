// Package audit writes the audit log: a record of each invocation, and one before and one after
// each write to Okta. The records of an instance are numbered without a gap, so that a lost record
// shows.
package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"example.com/okta-secops/internal/buildinfo"
)

// Log writes the records of one instance.
type Log struct {
	out        func() *slog.Logger
	instance   string
	revision   string
	hashLogins bool
	last       atomic.Int64
}

// New returns a Log. With hashLogins its records have the SHA-256 of logins and other names of
// targets instead of the names. revision is the revision of the deployment.
func New(out func() *slog.Logger, revision string, hashLogins bool) *Log {
	return &Log{out: out, instance: rand.Text()[:12], revision: revision, hashLogins: hashLogins}
}

// Occasion has the fields that all records of an invocation share.
type Occasion struct {
	InvocationID   string            `json:"invocation_id"`
	Org            string            `json:"org,omitempty"` // the host of the Okta org
	Function       string            `json:"function"`
	Action         string            `json:"action"`
	CallerAuth     string            `json:"caller_auth"` // iam, oidc, apikey, none; "" if unauthenticated
	Caller         string            `json:"caller"`
	Context        map[string]string `json:"context,omitempty"`     // the caller's: case, alert, playbook and so on
	ContextCut     int               `json:"context_cut,omitempty"` // number of members that are cut or left out
	IdempotencyKey string            `json:"idempotency_key,omitempty"`
	MessageID      string            `json:"message_id,omitempty"` // of Pub/Sub
	JobID          string            `json:"job_id,omitempty"`
	JobOperation   string            `json:"job_operation,omitempty"` // submit, cancel
	DryRun         bool              `json:"dry_run"`
}

// Target is a target with its outcome.
type Target struct {
	Input     string         `json:"input"`
	Source    string         `json:"source"`
	UserID    string         `json:"user_id,omitempty"`
	Login     string         `json:"login,omitempty"`
	Outcome   string         `json:"outcome,omitempty"`
	Before    map[string]any `json:"before,omitempty"`
	After     map[string]any `json:"after,omitempty"`
	ErrorCode string         `json:"error_code,omitempty"`
	// Guardrails are the rules that forbid the change and did not refuse it: "observed guardrail_freeze".
	Guardrails    []string `json:"guardrails,omitempty"`
	OktaRequestID string   `json:"okta_request_id,omitempty"` // of a refused request; writes have their own records
}

// InvocationRecord is the record of an invocation that has ended.
type InvocationRecord struct {
	Occasion
	Status     string `json:"status"`
	HTTPStatus int    `json:"http_status"`
	ErrorCode  string `json:"error_code,omitempty"`
	Replayed   bool   `json:"replayed,omitempty"`  // the response is that of an earlier request with the same key
	ReplayOf   string `json:"replay_of,omitempty"` // invocation_id of that request
	DurationMS int64  `json:"duration_ms"`
	// Okta's rate limits as the invocation met them: the number of responses with the status 429, and the lowest
	// percentage of a limit that was left, if Okta reported one.
	OktaRateLimited int         `json:"okta_rate_limited,omitempty"`
	OktaRemaining   json.Number `json:"okta_remaining_percent,omitempty"`
	Targets         []Target    `json:"targets"`
	// A record that is too large for one log entry is split: each part has all fields, and some of the
	// targets.
	Part  int `json:"part,omitempty"` // from 1; 0: the record is not split
	Parts int `json:"parts,omitempty"`
}

// WriteRecord is the record of one write to Okta.
type WriteRecord struct {
	Occasion
	Target        Target `json:"target"`
	Route         string `json:"route"`
	ErrorCode     string `json:"error_code,omitempty"`
	OktaRequestID string `json:"okta_request_id,omitempty"`
}

// numbered has the fields of every record.
type numbered struct {
	Kind     string `json:"kind"` // invocation, write_begun or write_ended
	Instance string `json:"instance"`
	Number   int64  `json:"number"` // from 1, in each instance
	Revision string `json:"revision"`
	Version  string `json:"version"` // the release of the product
}

// Invocation writes the record of an invocation, split into parts if it is too large for one log
// entry.
func (l *Log) Invocation(ctx context.Context, r InvocationRecord, took time.Duration) {
	outcomes := map[string]int{}
	for _, t := range r.Targets {
		outcomes[t.Outcome]++
	}
	r.DurationMS, r.Occasion = took.Milliseconds(), r.bounded()
	cut(&r.Status, &r.ErrorCode, &r.ReplayOf)
	text := r.Action + ": " + r.Status + suffix(r.ErrorCode)
	if r.Replayed {
		text += suffix("replayed")
	}
	for _, outcome := range slices.Sorted(maps.Keys(outcomes)) {
		text += ", " + strconv.Itoa(outcomes[outcome]) + " " + outcome
	}
	text = strings.TrimPrefix(text, ": ")
	parts := l.split(r)
	for i, targets := range parts {
		part, label := r, text
		if part.Targets = targets; len(parts) > 1 {
			part.Part, part.Parts = i+1, len(parts)
			label += fmt.Sprintf(" (part %d of %d)", part.Part, part.Parts)
		}
		l.write(ctx, label, r.Occasion, struct {
			numbered
			InvocationRecord
		}{l.next("invocation"), part}, slog.Int("http_status", r.HTTPStatus), slog.Duration("took", took))
	}
}

// split returns the targets of each part of a record. Every part has at least one target, except
// that of a record without targets.
func (l *Log) split(r InvocationRecord) [][]Target {
	all := append([]Target{}, r.Targets...)
	r.Targets = nil
	base := encodedSize(r) + maxNumbers
	var parts [][]Target
	first, size := 0, base
	for i, t := range all {
		all[i] = l.named(t).bounded()
		n := encodedSize(all[i]) + len(",")
		if size+n > maxRecord && i > first {
			parts, first, size = append(parts, all[first:i]), i, base
		}
		size += n
	}
	return append(parts, all[first:])
}

// Begun writes the record of a write before it is sent.
func (l *Log) Begun(ctx context.Context, r WriteRecord) { l.writeRecord(ctx, "write_begun", r) }

// Ended writes the record of a write after its response, or after its last attempt.
func (l *Log) Ended(ctx context.Context, r WriteRecord) { l.writeRecord(ctx, "write_ended", r) }

func (l *Log) writeRecord(ctx context.Context, kind string, r WriteRecord) {
	r.Occasion, r.Target = r.Occasion.bounded(), l.named(r.Target).bounded()
	cut(&r.Route, &r.ErrorCode, &r.OktaRequestID)
	l.write(ctx, strings.ReplaceAll(kind, "_", " ")+": "+r.Route+suffix(r.ErrorCode), r.Occasion, struct {
		numbered
		WriteRecord
	}{l.next(kind), r})
}

func suffix(code string) string {
	if code == "" {
		return ""
	}
	return " (" + code + ")"
}

func (l *Log) next(kind string) numbered {
	return numbered{Kind: kind, Instance: l.instance, Number: l.last.Add(1), Revision: l.revision,
		Version: buildinfo.Release()}
}

// write writes a record, even if the request was canceled.
func (l *Log) write(ctx context.Context, text string, o Occasion, record any, more ...slog.Attr) {
	l.out().LogAttrs(context.WithoutCancel(ctx), slog.LevelInfo, text, append([]slog.Attr{
		slog.String("invocation_id", o.InvocationID), slog.Any("labels", map[string]string{"log_type": "audit"}),
		slog.Any("audit", record),
	}, more...)...)
}

// named returns the target with its names hashed if the deployment hashes them.
func (l *Log) named(t Target) Target {
	if l.hashLogins {
		t.Input, t.Login = hash(t.Input), hash(t.Login)
	}
	return t
}

func hash(login string) string {
	if login == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.ToLower(login)))
	return "sha256:" + hex.EncodeToString(sum[:])
}
