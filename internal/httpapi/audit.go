package httpapi

import (
	"log/slog"
	"net/http"
	"slices"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/audit"
)

// occasion is what all records of the request have in common.
func (x *exchange) occasion() audit.Occasion {
	o := audit.Occasion{
		InvocationID: x.id, Function: x.group.Function, Action: action.Shorten(x.named), CallerAuth: x.caller.Mode, Caller: action.Shorten(x.caller.Name),
		Context: x.body.Context, IdempotencyKey: x.body.shownKey, DryRun: x.body.Options.DryRun,
	}
	if x.action != nil {
		o.Action = x.action.Name
	}
	if x.message != nil {
		o.MessageID = x.message.id
	}
	return o
}

// record writes the record of the request, and lines of their own for what somebody has to look after. The reply holds
// safe sentences only, so these say why.
func (x *exchange) record(status int, reply Reply, cause *apierr.Error, faults []*apierr.Error) {
	if x.setup.Audit == nil { // a panic before there was one; the log has it
		return
	}
	ctx := x.r.Context()
	r := audit.InvocationRecord{Occasion: x.occasion(), Status: string(reply.Status), HTTPStatus: status, Replayed: x.replayed != nil}
	if cause != nil {
		r.ErrorCode = cause.Code
	}
	if x.replayed != nil {
		r.ReplayOf = x.replayed.InvocationID
	}
	for _, t := range reply.Targets {
		r.Targets = append(r.Targets, auditTarget(*t))
	}
	x.setup.Audit.Invocation(ctx, r, time.Since(x.started))
	if cause != nil && !slices.Contains(faults, cause) {
		faults = append(slices.Clone(faults), cause)
	}
	const most = 5 // distinct ones are enough
	var told []string
	for _, f := range faults {
		level, text := severity(f.Kind), f.Error()
		if level < slog.LevelWarn || slices.Contains(told, text) || len(told) == most {
			continue
		}
		told = append(told, text)
		attrs := []slog.Attr{slog.String("invocation_id", x.id), slog.String("action", r.Action), slog.String("error_code", f.Code)}
		if f.RequestID != "" {
			attrs = append(attrs, slog.String("okta_request_id", f.RequestID))
		}
		x.log.LogAttrs(ctx, level, text, attrs...)
	}
}

// severity is how much a fault of this kind is the operator's business: an error is a defect or a wrong deployment.
// What is expected of callers and of Okta wakes nobody.
func severity(k apierr.Kind) slog.Level {
	switch k {
	case apierr.Internal, apierr.Misconfigured:
		return slog.LevelError
	case apierr.Unauthenticated, apierr.Forbidden, apierr.Conflict, apierr.Overloaded, apierr.Unavailable, apierr.Deadline, apierr.Credentials, apierr.InvalidResponse, apierr.UnknownResult:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}

func auditTarget(t action.Target) audit.Target {
	out := audit.Target{
		Input: t.Input, Source: t.Source, UserID: t.UserID, Login: t.Login, Outcome: string(t.Outcome), Before: t.Before, After: t.After,
	}
	if t.Error != nil {
		out.ErrorCode, out.OktaRequestID = t.Error.Code, t.Error.OktaRequestID
	}
	return out
}

// recordWrite writes the record of a write to Okta.
func (x *exchange) recordWrite(w action.TargetWrite) {
	t := auditTarget(w.Target)
	t.Before, t.After = w.Before, w.After
	r := audit.WriteRecord{Occasion: x.occasion(), Target: t, Route: w.Route, ErrorCode: w.Code, OktaRequestID: w.RequestID}
	if w.Ended {
		x.setup.Audit.Ended(x.r.Context(), r)
	} else {
		x.setup.Audit.Begun(x.r.Context(), r)
	}
}

// setSecurityHeaders sets what keeps browsers and caches from doing anything with a reply. No other origin is ever allowed (CORS).
func setSecurityHeaders(h http.Header) {
	for name, value := range map[string]string{
		"Cache-Control":             "no-store",
		"Content-Security-Policy":   "default-src 'none'; frame-ancestors 'none'",
		"Referrer-Policy":           "no-referrer",
		"Strict-Transport-Security": "max-age=63072000; includeSubDomains",
		"X-Content-Type-Options":    "nosniff",
		"X-Frame-Options":           "DENY",
	} {
		h.Set(name, value)
	}
}
