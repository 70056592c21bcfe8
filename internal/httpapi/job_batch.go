package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/idempotency"
	"example.com/okta-secops/internal/jobs"
)

// readBatch reads the batch that a message names. A publisher can name it only: who submitted the job and what it does
// is stored in the job.
func (s service) readBatch(ctx context.Context, in *input) error {
	if s.JobsTopic == nil {
		return errNoJobs
	}
	j, err := s.Jobs.Read(ctx, in.message.attributes[jobAttribute])
	number, notNumber := strconv.Atoi(in.message.attributes[batchAttribute])
	a, known := s.group.Find(j.Action)
	switch {
	case errors.Is(err, jobs.ErrUnknown):
		return errNoBatch(err)
	case err != nil:
		return errJobStore(err)
	case notNumber != nil || number < 0 || number >= len(j.Batches) || j.Group != s.group.Name || !known:
		return errNoBatch(nil)
	}
	batch, err := decodeBatch(j.Batches[number])
	if err != nil {
		return errNoBatch(err)
	}
	in.job, in.jobID = &jobBatch{Job: j, number: number}, j.ID
	in.caller = caller.Identity{Mode: j.CallerAuth, Name: j.Caller}
	in.action, in.address = &a, a.Slug
	in.request = request{Request: batch, shownKey: j.ShownKey}
	in.request.IdempotencyKey = batchKey(j, number).Text
	in.message.readable = true
	return nil
}

func errNoBatch(err error) error {
	return apierr.New(apierr.BadRequest, "unknown_job", "the message names no batch of a job of this function", err)
}

// begins reports whether the batch is to be carried out: its job was not canceled before it began, and its time is not
// over.
func (s service) begins(ctx context.Context, in *input) (bool, error) {
	if s.Jobs.Now().After(in.job.Ends) {
		return false, nil
	}
	ok, err := s.Jobs.Begin(ctx, in.job.Job, in.job.number)
	if err != nil {
		return false, errJobStore(err)
	}
	return ok, nil
}

// lastAttempt is the number of a delivery after which the outcome of a batch is final, so that the users whom it
// changed are reported: Pub/Sub gives a message up after 20 deliveries, and then nothing would report them.
const lastAttempt = 18

// endBatch acknowledges the message of a batch, or asks Pub/Sub to deliver it again. An outcome that a later delivery
// cannot change is stored, whatever it is, so that every job ends.
func (s service) endBatch(ctx context.Context, in *input, out outcome) (redeliver bool) {
	last := in.message.attempt >= lastAttempt // Pub/Sub may not deliver it again
	if out.lost || out.redeliver && !last {
		return true
	}
	if !in.job.closed {
		if err := s.closeBatch(ctx, in, out); err != nil {
			s.warnJob(ctx, in.job.ID, "the outcome of a batch is not stored: the batch is delivered again", err)
			return true
		}
	}
	return s.endJob(ctx, in, in.job.Job) != nil
}

// closeBatch stores the outcome of a batch that has no lease.
func (s service) closeBatch(ctx context.Context, in *input, out outcome) error {
	held, _, err := s.Idempotency.Begin(ctx, batchKey(in.job.Job, in.job.number), in.job.Batches[in.job.number])
	if err != nil || held == nil {
		return err
	}
	return keyLease{held, s.Idempotency.Now, s.Log}.storeReply(ctx, in, out)
}

// endJob publishes the reply of a job whose batches have ended. As any message it may come twice, if the function is
// killed before it has noted that it was published: both have the same invocation ID and content.
func (s service) endJob(ctx context.Context, in *input, j jobs.Job) error {
	if ended, err := s.batchesEnded(ctx, j, in.job); err != nil || !ended {
		return err
	}
	batches, _, err := s.readBatches(ctx, j)
	if err != nil || slices.ContainsFunc(batches, func(b batchState) bool { return !b.ended() }) {
		return err
	}
	key := batchKey(j, 0)
	key.Text = "job:" + j.ID + ":result"
	held, _, err := s.Idempotency.Begin(ctx, key, nil)
	if err != nil || held == nil { // without a lease it was published before
		return err
	}
	if err := s.publishJob(ctx, in, j, held); err != nil {
		s.warnJob(ctx, j.ID, "the result of a job could not be published", err)
		return errors.Join(err, held.Forget(ctx))
	}
	return errors.Join(held.Finish(ctx, []byte(`"published"`)), s.Jobs.End(ctx, j))
}

// publishJob publishes the reply of a job and logs its end, and renews the lease in the meantime.
func (s service) publishJob(ctx context.Context, in *input, j jobs.Job, held *idempotency.Lease) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go held.KeepAlive(ctx, stop)
	reply, err := s.jobReply(ctx, in, j, 0, j.Names)
	if err != nil {
		return err
	}
	reply.InvocationID = j.InvocationID
	data, err := reply.encode()
	if err != nil {
		return err
	}
	if err := s.publishResult(ctx, in, reply, data); err != nil {
		return err
	}
	s.logJobEnd(ctx, in, reply)
	return nil
}

// logJobEnd logs the end of a job. The audit has a record of each batch, and none of the whole job.
func (s service) logJobEnd(ctx context.Context, in *input, reply Reply) {
	s.Log.LogAttrs(ctx, slog.LevelInfo, "a job ended", slog.String("job", reply.Job.ID),
		slog.String("action", in.action.Name), slog.String("job_status", string(reply.Status)),
		slog.Int("done", reply.Progress.Done), slog.Int("failed", reply.Progress.Failed))
}

// batchesEnded reports whether no batch waits for its outcome. It begins after the batch that has just ended, and stops
// at the first that has not: most batches of a job end in this order, so that few are read.
func (s service) batchesEnded(ctx context.Context, j jobs.Job, just *jobBatch) (bool, error) {
	if s.Jobs.Now().After(j.Ends) {
		return true, nil
	}
	canceled, err := s.Jobs.Canceled(ctx, j)
	if err != nil {
		return false, errJobStore(err)
	}
	first := 0
	if just != nil {
		first = just.number + 1
	}
	for i := range j.Batches {
		n := (first + i) % len(j.Batches)
		reply, err := s.Idempotency.Peek(ctx, batchKey(j, n))
		dropped := false
		if err == nil && reply == nil && canceled {
			dropped, err = s.Jobs.Dropped(ctx, j, n)
		}
		if err != nil {
			return false, errJobStore(err)
		}
		if reply == nil && !dropped {
			return false, nil
		}
	}
	return true, nil
}

func (s service) warnJob(ctx context.Context, id, text string, err error) {
	s.Log.LogAttrs(ctx, slog.LevelWarn, text, slog.String("job", id), slog.String("error", err.Error()))
}

// batchOutcome is the outcome of a batch that was carried out before, or is not carried out.
func batchOutcome(in *input, text string) outcome {
	body, _ := encode(map[string]any{"job": in.job.ID, "batch": in.job.number, "status": text}) // it can be encoded
	return outcome{status: http.StatusOK, result: &action.Result{}, document: true, body: body}
}
