package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/jobs"
)

// maxShown is how many targets of a job one reply has.
const maxShown = 1000

// batchState is the state of a batch.
type batchState struct {
	request action.Request
	reply   *Reply // of the batch; nil until it has ended
	lost    error  // why it will not be carried out; nil if it may be
}

// ended reports whether the outcome of the batch is final.
func (b batchState) ended() bool { return b.reply != nil || b.lost != nil }

var (
	errCanceled = apierr.New(apierr.Rejected, "canceled", "not started: the job was canceled", nil)
	errGivenUp  = apierr.New(apierr.Rejected, "job_given_up",
		"the job did not reach this user within 20 hours, or its outcome is not known: check the user in Okta", nil)
)

// readBatches returns the states of all batches, and whether the job was canceled.
func (s service) readBatches(ctx context.Context, j jobs.Job) (batches []batchState, canceled bool, err error) {
	if canceled, err = s.Jobs.Canceled(ctx, j); err != nil {
		return nil, false, errJobStore(err)
	}
	givenUp := s.Jobs.Now().After(j.Ends)
	batches = make([]batchState, len(j.Batches))
	var reading errgroup.Group
	reading.SetLimit(16)
	for n := range batches {
		reading.Go(func() error {
			b := &batches[n]
			var err error
			if b.request, err = decodeBatch(j.Batches[n]); err != nil {
				return err
			}
			reply, err := s.Idempotency.Peek(ctx, batchKey(j, n))
			switch {
			case err != nil:
				return errJobStore(err)
			case reply != nil:
				return b.decode(reply)
			case canceled:
				dropped, err := s.Jobs.Dropped(ctx, j, n)
				if err != nil {
					return errJobStore(err)
				}
				if dropped {
					b.lost = errCanceled
				}
			}
			if b.lost == nil && givenUp {
				b.lost = errGivenUp
			}
			return nil
		})
	}
	return batches, canceled, reading.Wait()
}

func (b *batchState) decode(text json.RawMessage) error {
	var stored storedReply
	if err := json.Unmarshal(text, &stored); err != nil {
		return errStoredReply(err)
	}
	reply, err := stored.decode()
	b.reply = &reply
	return err
}

// targets returns the targets of the batch that has ended. A batch that failed as a whole has no targets: all of its
// users have its error.
func (b batchState) targets(a action.Action) []*action.Target {
	switch {
	case b.lost != nil:
		return b.request.NotDone(a, b.lost)
	case b.reply == nil:
		return nil
	case len(b.reply.Targets) > 0 || b.reply.Error == nil:
		return b.reply.Targets
	}
	return b.request.NotDone(a, apierr.New(apierr.Rejected, b.reply.Error.Code, b.reply.Error.Message, nil))
}

// count adds the users of the batch to the progress.
func (p *Progress) count(a action.Action, b batchState) {
	for _, t := range b.targets(a) {
		if n := t.Names(); t.Outcome.Reached() || t.Outcome == action.Planned {
			p.Done += n
		} else {
			p.Failed += n
		}
	}
}

// jobOutcome returns the state of a job: 202 while it runs, and then 200 with the merged reply, in which the targets
// begin after this number. While it runs the reply has the targets of the batches that have ended, if after is not
// negative.
func (s service) jobOutcome(ctx context.Context, in *input, id string, after int) outcome {
	j, err := s.Jobs.Read(ctx, id)
	switch {
	case errors.Is(err, jobs.ErrUnknown):
		return s.failure(in, errUnknownJob)
	case err != nil:
		return s.failure(in, errJobStore(err))
	}
	reply, err := s.jobReply(ctx, in, j, after, maxShown)
	if err != nil {
		return s.failure(in, err)
	}
	return s.replyOutcome(in, reply)
}

// replyOutcome returns the outcome with the state of a job.
func (s service) replyOutcome(in *input, reply Reply) (out outcome) {
	var err error
	out = outcome{status: http.StatusOK, reply: reply, header: map[string]string{}, result: &action.Result{}}
	if reply.Status == StatusRunning {
		out.status = http.StatusAccepted
		out.header = map[string]string{
			"Location": reply.Job.Path, "Retry-After": pollAfter, "Preference-Applied": "respond-async",
		}
	}
	if out.body, err = reply.encode(); err != nil {
		return s.failure(in, err)
	}
	return out
}

// jobReply merges the replies of the batches.
func (s service) jobReply(ctx context.Context, in *input, j jobs.Job, after, most int) (Reply, error) {
	a := *in.action
	batches, canceled, err := s.readBatches(ctx, j)
	if err != nil {
		return Reply{}, err
	}
	progress := Progress{Targets: j.Names}
	var targets []*action.Target
	running, dropped := false, false
	for _, b := range batches {
		progress.count(a, b)
		running, dropped = running || !b.ended(), dropped || b.lost == errCanceled
		targets = append(targets, b.targets(a)...)
	}
	// Only a dry run has planned targets, also one that the product makes of every change.
	dryRun := slices.ContainsFunc(targets, func(t *action.Target) bool { return t.Outcome == action.Planned })
	progress.Remaining = max(0, progress.Targets-progress.Done-progress.Failed)
	state := &JobState{ID: j.ID, Path: jobPath(j.ID), Canceled: canceled && (running || dropped)}
	if running {
		reply := s.runningReply(in, j, progress, state)
		if after >= 0 {
			reply.Targets, state.Next = page(action.Merge(targets, dryRun).Targets, after, most, nil)
		}
		return reply, nil
	}
	progress.Remaining = 0
	result := action.Merge(targets, dryRun)
	result.Message = summary(a, result)
	status := result.Status()
	values := jsonResults(batches)
	result.Targets, state.Next = page(result.Targets, max(0, after), most, values)
	result.JSON, result.Entities, result.Warnings = shownResults(result.Targets, batches, values, j.Warnings)
	_, reply, _ := buildReply(s.all, in.action, a.Name, result, nil)
	reply.Status, reply.Error = status, nil
	reply.IsSuccess = status == action.StatusSuccess || status == action.StatusPlanned
	if reply.OutputMessage = result.Message; status == action.StatusFailure {
		reply.OutputMessage = a.FailureText(result.Message)
	}
	return s.jobMembers(in, j, reply, state, progress), nil
}

// runningReply is the reply of a job that has not ended.
func (s service) runningReply(in *input, j jobs.Job, p Progress, state *JobState) Reply {
	return s.jobMembers(in, j, Reply{
		Action: in.action.Name, Status: StatusRunning, Entities: orEmpty[action.EnrichedEntity](nil),
		Targets: orEmpty[*action.Target](nil), Warnings: orEmpty(j.Warnings),
		OutputMessage: fmt.Sprintf("%s is running: %d of %d users are done, %d failed, %d remain. "+
			"GET %s shows the progress.", in.action.Name, p.Done, p.Targets, p.Failed, p.Remaining, state.Path),
	}, state, p)
}

func jobPath(id string) string { return "/jobs/" + id }

func (s service) jobMembers(in *input, j jobs.Job, reply Reply, state *JobState, p Progress) Reply {
	reply.InvocationID, reply.Org, reply.Job, reply.Progress = in.id, j.Org, state, &p
	reply.JobStatus = "ended"
	if reply.Status == StatusRunning {
		reply.JobStatus = string(StatusRunning)
	}
	reply.ScriptResult = ScriptResult{Name: "is_success", Value: reply.IsSuccess}
	return reply
}

// maxPage bounds the targets and their results in one reply, in bytes: less than a message may have.
const maxPage = 8 << 20

// page returns the targets that one reply shows: at least one, at most most, and with their results at most maxPage.
// next is the number of the first one of the next page, 0 if there is none.
func page(all []*action.Target, after, most int, values map[string]json.RawMessage) (shown []*action.Target, next int) {
	size := 0
	for i := after; i < len(all); i++ {
		text, _ := json.Marshal(all[i]) // a target was read from JSON
		size += len(text) + len(valueOf(all[i], values))
		if i > after && (size > maxPage || i-after == most) {
			return all[after:i], i
		}
	}
	return all[min(after, len(all)):], 0
}

// jsonResults returns the JSON results of all batches by target. A result that is not by target has no place in a
// merged one.
func jsonResults(batches []batchState) map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	for _, b := range batches {
		if b.reply != nil {
			raw, _ := b.reply.JSONResult.(json.RawMessage)
			_ = json.Unmarshal(raw, &values)
		}
	}
	return values
}

// valueOf returns the result of a target under one of its names, nil if it has none.
func valueOf(t *action.Target, values map[string]json.RawMessage) json.RawMessage {
	for _, m := range append([]action.Mention{t.Mention}, t.AlsoNamed...) {
		if value, ok := values[m.Input]; ok {
			return value
		}
	}
	return nil
}

// shownResults returns the JSON results and the enrichment of these targets, and the warnings of the job.
func shownResults(
	targets []*action.Target, batches []batchState, values map[string]json.RawMessage, warnings []string,
) (results any, entities []action.EnrichedEntity, _ []string) {
	var keyed action.KeyedResults
	shown := map[string]bool{}
	for _, t := range targets {
		if value := valueOf(t, values); value != nil {
			keyed = append(keyed, action.KeyedResult{Input: t.Input, Value: value})
		}
		for _, m := range append([]action.Mention{t.Mention}, t.AlsoNamed...) {
			shown[m.Input] = true
		}
	}
	if keyed != nil {
		results = keyed
	}
	warnings = slices.Clone(warnings)
	for _, b := range batches {
		if b.reply == nil {
			continue
		}
		for _, e := range b.reply.Entities {
			if shown[e.Identifier] {
				entities = append(entities, e)
			}
		}
		for _, w := range b.reply.Warnings {
			if !slices.Contains(warnings, w) && len(warnings) < maxWarnings {
				warnings = append(warnings, w)
			}
		}
	}
	return results, entities, warnings
}

// summary returns the sentence about the outcomes of a job.
func summary(a action.Action, r *action.Result) string {
	count := map[action.Outcome]int{}
	for _, t := range r.Targets {
		count[t.Outcome]++
	}
	var parts []string
	for _, o := range action.Outcomes {
		if count[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[o], strings.ReplaceAll(string(o), "_", " ")))
		}
	}
	return fmt.Sprintf("%s of %s: %s.", a.Name, action.Count(len(r.Targets), "user"), strings.Join(parts, ", "))
}
