package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/audit"
)

// occasion returns the fields that all audit records of a request have.
func (s service) occasion(in *input) audit.Occasion {
	o := audit.Occasion{
		InvocationID: in.id, Org: in.org, Function: s.group.Function, Action: in.name(), CallerAuth: in.caller.Mode,
		Caller: action.Shorten(in.caller.Name), Context: in.request.Context, IdempotencyKey: in.request.shownKey,
		DryRun: in.request.Options.DryRun, JobID: in.jobID, JobOperation: in.operation,
	}
	if in.action != nil {
		o.Action = in.action.Name
	}
	if in.message != nil {
		o.MessageID = in.message.id
	}
	return o
}

// record writes the audit record of a request, and log lines for the errors that concern the
// operator, with their causes: the reply has safe sentences only.
func (s service) record(ctx context.Context, in *input, out outcome) {
	if s.Audit == nil { // a panic before the Setup was known, or a health check
		return
	}
	r := audit.InvocationRecord{
		Occasion: s.occasion(in), Status: string(out.reply.Status), HTTPStatus: out.status,
		Replayed: out.reply.Replayed != nil,
	}
	if r.Replayed {
		r.ReplayOf = out.reply.Replayed.InvocationID
	}
	usage := out.result.Usage
	if r.OktaRateLimited = usage.RateLimited; usage.Remaining != nil {
		r.OktaRemaining = json.Number(strconv.Itoa(*usage.Remaining))
	}
	errs := out.result.Errors()
	if out.cause != nil {
		r.ErrorCode = out.cause.Code
		if !slices.Contains(errs, out.cause) {
			errs = append(errs, out.cause)
		}
	}
	targets := out.reply.Targets
	if out.reply.Job != nil {
		targets = nil // the batches changed them, and have their records
	}
	r.Targets = make([]audit.Target, len(targets))
	for i, t := range targets {
		r.Targets[i] = auditTarget(t)
	}
	s.Audit.Invocation(ctx, r, time.Since(in.started))
	s.logErrors(ctx, r, errs)
}

// logErrors logs the first five different errors of the severity Warn or above.
func (s service) logErrors(ctx context.Context, r audit.InvocationRecord, errs []*apierr.Error) {
	const most = 5
	var logged []string
	for _, e := range errs {
		level, text := e.Kind.Meaning().Severity, e.Error()
		if level < slog.LevelWarn || slices.Contains(logged, text) || len(logged) == most {
			continue
		}
		logged = append(logged, text)
		attrs := []slog.Attr{
			slog.String("invocation_id", r.InvocationID), slog.String("action", r.Action), slog.String("error_code", e.Code),
		}
		if e.RequestID != "" {
			attrs = append(attrs, slog.String("okta_request_id", e.RequestID))
		}
		s.Log.LogAttrs(ctx, level, text, attrs...)
	}
}

func auditTarget(t *action.Target) audit.Target {
	out := audit.Target{
		Input: t.Input, Source: t.Source, UserID: t.UserID, Login: t.Login, Outcome: string(t.Outcome),
		Before: t.Before, After: t.After, Guardrails: t.Notices,
	}
	if t.Error != nil {
		out.ErrorCode, out.OktaRequestID = t.Error.Code, t.Error.OktaRequestID
	}
	return out
}

// recordWrite writes the audit record of a write to Okta, before it is sent and after its response.
func (s service) recordWrite(ctx context.Context, in *input, w action.TargetWrite) {
	t := auditTarget(&w.Target)
	t.Before, t.After = w.Before, w.After
	r := audit.WriteRecord{
		Occasion: s.occasion(in), Target: t, Route: w.Route, ErrorCode: w.Code, OktaRequestID: w.RequestID,
	}
	if w.Ended {
		s.Audit.Ended(ctx, r)
	} else {
		s.Audit.Begun(ctx, r)
	}
}
