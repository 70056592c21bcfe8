package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/idempotency"
	"example.com/okta-secops/internal/jobs"
)

// StatusRunning is the status of a job that has not ended.
const StatusRunning action.Status = "running"

// The attributes of a message that starts a batch. Everything else is read from the job.
const (
	jobAttribute   = "job"
	batchAttribute = "batch"
)

// noTargets stands for no ?after=: a reply about a job that runs has no targets then.
const noTargets = -1

// pollAfter is the suggested time between two requests for the state of a job, in seconds.
const pollAfter = "5"

// Progress counts the users of a job, by the names in the request.
type Progress struct {
	Targets   int `json:"targets"`
	Done      int `json:"done"`   // reached, or planned
	Failed    int `json:"failed"` // any other outcome, also for users who were not tried
	Remaining int `json:"remaining"`
}

// JobState is the part of a reply that concerns a job.
type JobState struct {
	ID       string `json:"id"`
	Path     string `json:"path"` // of the function
	Canceled bool   `json:"canceled"`
	// Next is the value of ?after= for the targets that follow; 0: there are none.
	Next int `json:"next,omitempty"`
}

// jobBatch is the batch of a job that a message starts.
type jobBatch struct {
	jobs.Job
	number int
	closed bool // its outcome is stored
}

// batchRequest is the stored request of a batch.
type batchRequest struct {
	Parameters map[string]any    `json:"parameters"`
	Entities   []action.Entity   `json:"entities,omitempty"`
	Context    map[string]string `json:"context,omitempty"`
	Options    action.Options    `json:"options"`
}

// decodeBatch returns the request of a stored batch.
func decodeBatch(text json.RawMessage) (action.Request, error) {
	var b batchRequest
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // as parameters are decoded
	if err := d.Decode(&b); err != nil {
		return action.Request{}, errStoredReply(err)
	}
	return action.Request{
		Parameters: b.Parameters, Entities: b.Entities, Context: b.Context, Options: b.Options, NoSecrets: true,
	}, nil
}

// batchKey is the key under which the outcome of a batch is stored. The batches of a job share the record of their
// non-idempotent writes.
func batchKey(j jobs.Job, number int) idempotency.RequestKey {
	return idempotency.RequestKey{
		Caller: j.CallerAuth + ":" + j.Caller, Action: j.Action + " batch", Text: "job:" + j.ID + ":" + strconv.Itoa(number),
		Writes: "job:" + j.ID,
	}
}

// prefersAsync reports whether a call asks for a job (RFC 7240, section 4.1).
func prefersAsync(h http.Header) bool {
	for _, value := range h.Values("Prefer") {
		for preference := range strings.SplitSeq(value, ",") {
			name, _, _ := strings.Cut(preference, ";")
			if strings.EqualFold(strings.TrimSpace(name), "respond-async") {
				return true
			}
		}
	}
	return false
}

var errNoJobs = apierr.New(apierr.NotConfigured, "jobs_not_configured",
	"this function has no jobs: set JOBS_TOPIC, or send the request without Prefer: respond-async", nil)

// errSecretInJob returns the error of a job whose request or result would hold a secret.
func errSecretInJob(cause *apierr.Error) error {
	names := make([]string, len(cause.Problems))
	for i, p := range cause.Problems {
		names[i] = p.Parameter
	}
	return &apierr.Error{
		Kind: apierr.BadRequest, Code: "secret_in_job", Problems: cause.Problems,
		Message: "a job stores its request and its result, which would hold a secret (" + strings.Join(names, ", ") +
			"): send the request without Prefer: respond-async",
	}
}

// submit returns the outcome of a request that is carried out as a job.
func (s service) submit(ctx context.Context, in *input, inv *action.Invocation, deps action.Deps) outcome {
	if s.JobsTopic == nil {
		return s.failure(in, errNoJobs)
	}
	if deps.Okta != nil {
		in.org = deps.Okta.Host()
	}
	parts, err := inv.Split(deps.MaxTargets)
	if err != nil {
		return s.failure(in, err)
	}
	j := jobs.Job{
		ID: jobs.NewID(), Group: s.group.Name, Action: in.action.Slug, InvocationID: in.id, CallerAuth: in.caller.Mode,
		Caller: in.caller.Name, ShownKey: in.request.shownKey, Org: in.org, Warnings: inv.Warnings,
	}
	for _, r := range parts {
		text, err := encode(batchRequest{r.Parameters, r.Entities, r.Context, r.Options})
		if err != nil {
			return s.failure(in, err)
		}
		j.Batches, j.Names = append(j.Batches, text), j.Names+len(r.NotDone(*in.action, errNoJobs))
	}
	held, existing, err := s.acquireJob(ctx, in, j)
	if err != nil {
		return s.failure(in, err)
	}
	if in.jobID = existing; existing != "" { // it may have used up the limits by which it would be refused now
		return s.jobOutcome(ctx, in, existing, noTargets)
	}
	permitted := func() error { return inv.Submit(ctx, deps, in.caller.Name) }
	if j.ID, err = s.start(ctx, in, j, held, permitted); err != nil {
		return s.failure(in, err)
	}
	in.jobID, in.operation = j.ID, "submit"
	// The reply reads nothing back: an error now would hide that the job has begun.
	progress := Progress{Targets: j.Names, Remaining: j.Names}
	return s.replyOutcome(in, s.runningReply(in, j, progress, &JobState{ID: j.ID, Path: jobPath(j.ID)}))
}

// jobRecord is stored under the Idempotency-Key of a submitted job.
type jobRecord struct {
	ID string `json:"job"`
}

// jobKey is the key of a submission.
func jobKey(in *input) idempotency.RequestKey {
	return requestKey(in, in.action.Slug+" job", in.request.IdempotencyKey)
}

// acquireJob takes the lease of the request's idempotency key, if it has one. If the request was submitted before, it
// returns the ID of that job.
func (s service) acquireJob(ctx context.Context, in *input, j jobs.Job) (*idempotency.Lease, string, error) {
	if in.request.IdempotencyKey == "" {
		return nil, "", nil
	}
	request, err := json.Marshal(j.Batches)
	if err != nil {
		return nil, "", apierr.New(apierr.Internal, "internal", "the request cannot be compared with others", err)
	}
	held, stored, err := s.Idempotency.Begin(ctx, jobKey(in), request)
	if err != nil || held != nil {
		return held, "", leaseError(err)
	}
	var before jobRecord
	if err := json.Unmarshal(stored, &before); err != nil {
		return nil, "", errStoredReply(err)
	}
	return nil, before.ID, nil
}

// reserve returns the ID of the job of a request with a key, and whether the job was stored before.
func (s service) reserve(ctx context.Context, in *input, j jobs.Job) (id string, stored bool, err error) {
	k, request := jobKey(in), &strings.Builder{}
	for _, part := range append([]json.RawMessage{[]byte(k.Caller), []byte(k.Action), []byte(k.Text)}, j.Batches...) {
		fmt.Fprintf(request, "%d:%s", len(part), part)
	}
	if id, err = s.Jobs.Reserve(ctx, request.String(), j.ID); err != nil {
		return "", false, err
	}
	_, err = s.Jobs.Read(ctx, id)
	if errors.Is(err, jobs.ErrUnknown) {
		return id, false, nil
	}
	return id, err == nil, err
}

// start stores the job and publishes its batches, and returns its ID. A job with a key that was interrupted before goes
// on: its batches are published again, and those that have ended do nothing. Without a key nothing could go on with it:
// if a batch cannot be published, the job is canceled.
func (s service) start(
	ctx context.Context, in *input, j jobs.Job, held *idempotency.Lease, permitted func() error,
) (id string, err error) {
	ctx = context.WithoutCancel(ctx)
	stored := false
	if held != nil {
		if j.ID, stored, err = s.reserve(ctx, in, j); err != nil {
			return "", errors.Join(errJobStore(err), held.Suspend(ctx, nil))
		}
	}
	if !stored { // otherwise it was permitted before, and may have used up the limits
		if err := s.store(ctx, j, held, permitted); err != nil {
			return "", err
		}
	}
	err = s.publishBatches(ctx, j)
	switch {
	case err != nil && held != nil:
		failed := apierr.Errorf(apierr.Unavailable, "job_not_started", "the job %s could not be started completely: "+
			"send the request again with the same Idempotency-Key, and it goes on", j.ID)
		failed.Cause = errors.Join(err, held.Suspend(ctx, nil))
		return "", failed
	case err != nil:
		end := "is canceled"
		notCanceled := s.Jobs.Cancel(ctx, j)
		if notCanceled != nil {
			end = "could not be canceled: cancel it"
		}
		failed := apierr.Errorf(apierr.Unavailable, "job_not_started",
			"the job could not be started completely and %s; GET /jobs/%s shows what was begun", end, j.ID)
		failed.Cause = errors.Join(err, notCanceled)
		return "", failed
	case held != nil:
		text, _ := json.Marshal(jobRecord{j.ID}) // it can be encoded
		if err := held.Finish(ctx, text); err != nil {
			s.warnJob(ctx, j.ID, "a job is not stored under its Idempotency-Key: a repeat publishes its batches again", err)
		}
	}
	return j.ID, nil
}

// store stores a new job if the guardrails permit it. The key of a request that is refused can be used again.
func (s service) store(ctx context.Context, j jobs.Job, held *idempotency.Lease, permitted func() error) error {
	err := permitted()
	if err == nil {
		if err = s.Jobs.Create(ctx, j); err != nil {
			err = apierr.New(apierr.Unavailable, "job_not_started", "the job could not be stored, and nothing was begun", err)
		}
	}
	if err != nil && held != nil {
		err = errors.Join(err, held.Forget(ctx))
	}
	return err
}

// publishBatches publishes one message for each batch.
func (s service) publishBatches(ctx context.Context, j jobs.Job) error {
	var publishing errgroup.Group
	publishing.SetLimit(16)
	for n := range j.Batches {
		publishing.Go(func() error {
			return s.JobsTopic.Publish(ctx, []byte("{}"), map[string]string{
				jobAttribute: j.ID, batchAttribute: strconv.Itoa(n),
			})
		})
	}
	return publishing.Wait()
}

// job returns the outcome of GET /jobs/ID and POST /jobs/ID/cancel, for the caller who submitted the job.
func (s service) job(conn *arrival, r *http.Request, in *input, path string) outcome {
	ctx := context.WithoutCancel(r.Context()) // a caller who hangs up must not end it half
	id, operation, _ := strings.Cut(path, "/")
	cancels := operation == "cancel"
	method := http.MethodGet
	if cancels {
		method = http.MethodPost
	}
	if err := allow(r.Method, method); err != nil {
		return s.failure(in, err)
	}
	if operation != "" && !cancels {
		return s.failure(in, errUnknownJob)
	}
	err := conn.enter(*s.Setup, in.callerKey())
	if err == nil {
		err = conn.start()
	}
	if err != nil {
		return s.failure(in, err)
	}
	j, err := s.ownJob(ctx, in, id)
	if err != nil {
		return s.failure(in, err)
	}
	in.jobID = j.ID
	after := noTargets
	if r.URL.Query().Has("after") {
		if after, err = strconv.Atoi(r.URL.Query().Get("after")); err != nil || after < 0 {
			return s.failure(in, apierr.Invalid(apierr.Problem{
				Parameter: "after", Message: "must be a number of targets, such as job.next of the reply before",
			}))
		}
	}
	if cancels {
		in.operation = "cancel"
		if err := s.Jobs.Cancel(ctx, j); err != nil {
			return s.failure(in, errJobStore(err))
		}
		_ = s.endJob(ctx, in, j) // it is logged, and the messages of the batches try again
	}
	out := s.jobOutcome(ctx, in, id, after)
	if s.Jobs.Now().After(j.Ends) {
		_ = s.endJob(ctx, in, j) // no message of a batch that was given up does it
	}
	out.document = !cancels && out.cause == nil // looking changes nothing, so the audit has no record of it
	return out
}

var errUnknownJob = apierr.New(apierr.UnknownAction, "unknown_job",
	"this caller has no job with this ID; jobs are kept for a day", nil)

func errJobStore(err error) error {
	return apierr.New(apierr.Unavailable, "idempotency_unavailable",
		"the store of the jobs is unavailable (IDEMPOTENCY_BUCKET)", err)
}

// ownJob returns a job of the caller. A caller who may call every action sees the jobs of all API keys.
func (s service) ownJob(ctx context.Context, in *input, id string) (jobs.Job, error) {
	if s.JobsTopic == nil {
		return jobs.Job{}, errNoJobs
	}
	j, err := s.Jobs.Read(ctx, id)
	switch {
	case errors.Is(err, jobs.ErrUnknown):
		return j, errUnknownJob
	case err != nil:
		return j, errJobStore(err)
	}
	named := j.Caller != "" || j.CallerAuth == caller.None // callers without a name cannot be distinguished
	own := named && j.Caller == in.caller.Name || j.CallerAuth == caller.APIKey && in.caller.MayAll()
	own = own && j.CallerAuth == in.caller.Mode
	if a, ok := s.group.Find(j.Action); ok && own && j.Group == s.group.Name {
		in.action = &a
		return j, nil
	}
	return j, errUnknownJob
}
