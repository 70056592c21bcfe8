// Package audit writes the record of who did what to whom: one line per invocation, and one before and after each write
// to Okta. The lines of an instance are numbered without a gap, so that a lost one shows.
package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// mostTargets are listed in the record of an invocation: an entry of Cloud Logging holds 256 KiB. Each write has records
// of its own, so that nothing that was changed is left out.
const mostTargets = 200

// Log writes the records of one instance.
type Log struct {
	out        func() *slog.Logger
	instance   string
	revision   string
	hashLogins bool
	last       atomic.Int64
}

// New makes a Log. With hashLogins it holds the SHA-256 of logins and other names of targets in their place. revision is
// that of the deployment.
func New(out func() *slog.Logger, revision string, hashLogins bool) *Log {
	return &Log{out: out, instance: rand.Text()[:12], revision: revision, hashLogins: hashLogins}
}

// Occasion is what the records of an invocation have in common.
type Occasion struct {
	InvocationID   string            `json:"invocation_id"`
	Function       string            `json:"function"`
	Action         string            `json:"action"`
	CallerAuth     string            `json:"caller_auth"` // iam, oidc, apikey, none; "" for a stranger
	Caller         string            `json:"caller"`
	Context        map[string]string `json:"context,omitempty"` // case, alert, playbook and what else the caller says
	IdempotencyKey string            `json:"idempotency_key,omitempty"`
	MessageID      string            `json:"message_id,omitempty"` // Pub/Sub's
	DryRun         bool              `json:"dry_run"`
}

// Target is one target, and what became of it.
type Target struct {
	Input         string         `json:"input"`
	Source        string         `json:"source"`
	UserID        string         `json:"user_id,omitempty"`
	Login         string         `json:"login,omitempty"`
	Outcome       string         `json:"outcome,omitempty"`
	Before        map[string]any `json:"before,omitempty"`
	After         map[string]any `json:"after,omitempty"`
	ErrorCode     string         `json:"error_code,omitempty"`
	OktaRequestID string         `json:"okta_request_id,omitempty"` // of a refusal; that of a write is in its own record
}

// InvocationRecord is the record of an invocation that has ended.
type InvocationRecord struct {
	Occasion
	Status         string   `json:"status"`
	HTTPStatus     int      `json:"http_status"`
	ErrorCode      string   `json:"error_code,omitempty"`
	Replayed       bool     `json:"replayed,omitempty"`  // the reply of an earlier request with the same key
	ReplayOf       string   `json:"replay_of,omitempty"` // invocation_id of that request
	DurationMS     int64    `json:"duration_ms"`
	Targets        []Target `json:"targets"`
	TargetsOmitted int      `json:"targets_omitted,omitempty"` // of more than 200
}

// WriteRecord is the record of one write to Okta.
type WriteRecord struct {
	Occasion
	Target        Target `json:"target"`
	Route         string `json:"route"`
	ErrorCode     string `json:"error_code,omitempty"`
	OktaRequestID string `json:"okta_request_id,omitempty"`
}

// numbered is what every record has besides its own.
type numbered struct {
	Kind     string `json:"kind"` // invocation, write_begun or write_ended
	Instance string `json:"instance"`
	Number   int64  `json:"number"` // from 1, in each instance
	Revision string `json:"revision"`
}

// Invocation writes the record of an invocation.
func (l *Log) Invocation(ctx context.Context, r InvocationRecord, took time.Duration) {
	outcomes := map[string]int{}
	for _, t := range r.Targets {
		outcomes[t.Outcome]++
	}
	r.DurationMS = took.Milliseconds()
	if more := len(r.Targets) - mostTargets; more > 0 {
		r.Targets, r.TargetsOmitted = r.Targets[:mostTargets], more
	}
	r.Targets = slices.Clone(r.Targets)
	for i := range r.Targets {
		r.Targets[i] = l.named(r.Targets[i])
	}
	text := r.Action + ": " + r.Status + suffix(r.ErrorCode)
	if r.Replayed {
		text += suffix("replayed")
	}
	for _, outcome := range slices.Sorted(maps.Keys(outcomes)) {
		text += ", " + strconv.Itoa(outcomes[outcome]) + " " + outcome
	}
	l.write(ctx, strings.TrimPrefix(text, ": "), r.Occasion, struct {
		numbered
		InvocationRecord
	}{l.next("invocation"), r}, slog.Int("http_status", r.HTTPStatus), slog.Duration("took", took))
}

// Begun writes the record of a write that is about to be sent.
func (l *Log) Begun(ctx context.Context, r WriteRecord) { l.writeRecord(ctx, "write_begun", r) }

// Ended writes the record of a write that has been answered, or given up.
func (l *Log) Ended(ctx context.Context, r WriteRecord) { l.writeRecord(ctx, "write_ended", r) }

func (l *Log) writeRecord(ctx context.Context, kind string, r WriteRecord) {
	r.Target = l.named(r.Target)
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
	return numbered{Kind: kind, Instance: l.instance, Number: l.last.Add(1), Revision: l.revision}
}

// write writes a record, whatever has become of the caller.
func (l *Log) write(ctx context.Context, text string, o Occasion, record any, more ...slog.Attr) {
	l.out().LogAttrs(context.WithoutCancel(ctx), slog.LevelInfo, text, append([]slog.Attr{
		slog.String("invocation_id", o.InvocationID), slog.Any("labels", map[string]string{"log_type": "audit"}), slog.Any("audit", record),
	}, more...)...)
}

// named names a target as the deployment wants.
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
