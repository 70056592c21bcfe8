package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"
)

// pollEvery is the time between two requests for the state of a job.
const pollEvery = 200 * time.Millisecond

// jobView contains the members of the reply of a job that invoke reads.
type jobView struct {
	Job *struct {
		ID   string `json:"id"`
		Path string `json:"path"`
		Next int    `json:"next"`
	} `json:"job"`
	Progress struct {
		Targets   int `json:"targets"`
		Done      int `json:"done"`
		Failed    int `json:"failed"`
		Remaining int `json:"remaining"`
	} `json:"progress"`
}

// bar returns the progress as a line.
func (v jobView) bar() string {
	const width = 40
	p := v.Progress
	full := width * (p.Done + p.Failed) / max(1, p.Targets)
	return fmt.Sprintf("[%s%s] %d of %d done, %d failed", strings.Repeat("#", full), strings.Repeat(".", width-full),
		p.Done, p.Targets, p.Failed)
}

// runJob sends a request as a job and shows its progress until it has ended. It returns the last reply. At Ctrl-C it
// ends, and the job goes on. base is the URL of the function.
func runJob(ctx context.Context, base, url, header string, body []byte, stderr io.Writer) ([]byte, error) {
	status, reply, err := exchange(ctx, http.MethodPost, url, header, body, http.Header{"Prefer": {"respond-async"}})
	ticks := time.NewTicker(pollEvery)
	defer ticks.Stop()
	shown := false
	for err == nil && status == http.StatusAccepted {
		var v jobView
		if err := json.Unmarshal(reply, &v); err != nil || v.Job == nil {
			return nil, fmt.Errorf("the reply of the product is not that of a job: %w", err)
		}
		if !shown {
			fmt.Fprintf(stderr, "job %s; cancel it with: curl -X POST %s%s/cancel\n", v.Job.ID, base, v.Job.Path)
		}
		fmt.Fprintf(stderr, "\r%s", v.bar())
		shown = true
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("the job goes on: GET %s%s shows it", base, v.Job.Path)
		}
		status, reply, err = exchange(ctx, http.MethodGet, base+v.Job.Path, header, nil, nil)
	}
	if err != nil || !shown {
		return reply, err
	}
	var v jobView
	if err := json.Unmarshal(reply, &v); err != nil || v.Job == nil {
		return reply, err
	}
	fmt.Fprintf(stderr, "\r%s\n", v.bar())
	return wholeReply(ctx, base+v.Job.Path, header, reply)
}

// wholeReply adds the pages that follow to the reply of a job: a reply has a part of the targets.
func wholeReply(ctx context.Context, url, header string, first []byte) ([]byte, error) {
	var whole map[string]any
	for page := first; ; {
		var next map[string]any
		if err := json.Unmarshal(page, &next); err != nil {
			return nil, err
		}
		if whole == nil {
			whole = next
		} else {
			for _, name := range []string{"targets", "entities", "undo_requests", "not_undoable"} {
				before, _ := whole[name].([]any)
				more, _ := next[name].([]any)
				whole[name] = append(before, more...)
			}
			results, _ := whole["json_result"].(map[string]any)
			if more, ok := next["json_result"].(map[string]any); ok && results == nil {
				whole["json_result"] = more
			} else {
				maps.Copy(results, more)
			}
		}
		job, _ := next["job"].(map[string]any)
		after, more := job["next"].(float64)
		if !more {
			delete(whole["job"].(map[string]any), "next")
			return json.Marshal(whole)
		}
		var err error
		from := fmt.Sprintf("%s?after=%.0f", url, after)
		var status int
		if status, page, err = exchange(ctx, http.MethodGet, from, header, nil, nil); err != nil {
			return nil, err
		}
		if status != http.StatusOK {
			return nil, fmt.Errorf("the targets from %.0f cannot be read: HTTP %d; GET %s shows them", after, status, from)
		}
	}
}
