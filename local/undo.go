package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
)

// undo sends the undo requests of a saved reply to the product at -addr, and prints the outcome of
// each target. It returns errNotDone if a request did not succeed.
func undo(
	ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer,
) error {
	flags := newFlags("undo")
	addr := flags.String("addr", defaultAddr, "loopback `address` of a running local product")
	header := flags.String("header", "",
		"a `header` for a product that authenticates its callers, such as 'X-Api-Key: ...'")
	words, err := parse(flags, args, stdout)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return errors.New("name one file with the reply of an action, or - for standard input")
	}
	requests, err := undoRequests(words[0], stdin)
	if err != nil {
		return err
	}
	address, stop, err := findOrStart(ctx, *addr, true, getenv, stderr)
	if err != nil {
		return err
	}
	defer stop()
	var failed error
	for _, r := range requests {
		i := slices.IndexFunc(handlers.Groups, func(g action.Group) bool { return g.Function == r.Function })
		if i < 0 {
			return fmt.Errorf("the reply names the function %q, which this version does not have", r.Function)
		}
		body, err := json.Marshal(r.Body)
		if err != nil {
			return err
		}
		reply, err := post(ctx, address+"/"+handlers.Groups[i].Name+r.Path, *header, body)
		if err != nil {
			return err
		}
		if err := printReply(stdout, reply, false, nil); errors.Is(err, errNotDone) {
			failed = err // the other requests are sent all the same
		} else if err != nil {
			return err
		}
	}
	return failed
}

// undoRequests reads the undo requests of a saved reply. It returns an error if there are none.
func undoRequests(name string, stdin io.Reader) ([]action.UndoRequest, error) {
	read := func() ([]byte, error) { return os.ReadFile(name) }
	if name == "-" {
		read = func() ([]byte, error) { return io.ReadAll(stdin) }
	}
	source, err := read()
	if err != nil {
		return nil, err
	}
	var reply struct {
		UndoRequests []action.UndoRequest `json:"undo_requests"`
		NotUndoable  []action.NotUndoable `json:"not_undoable"`
	}
	if err := json.Unmarshal(source, &reply); err != nil {
		return nil, fmt.Errorf("%s is not the reply of an action: %w", name, err)
	}
	if len(reply.UndoRequests) == 0 {
		reason := "the reply changed nothing, or it is not that of a change"
		if len(reply.NotUndoable) > 0 {
			reason = reply.NotUndoable[0].Target + ": " + reply.NotUndoable[0].Reason
		}
		return nil, fmt.Errorf("%s has no undo_requests: %s", name, reason)
	}
	return reply.UndoRequests, nil
}
