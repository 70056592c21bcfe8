package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/caller"
)

// errNotDone is an action that was carried out and did not succeed.
var errNotDone = errors.New("the action did not succeed")

// isSet reports whether a flag was given.
func isSet(flags *flag.FlagSet, name string) bool {
	given := false
	flags.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	return given
}

// invoke runs one action against the product that serves at -addr, and prints the outcome of each target. Without
// -addr it starts a product of its own if none runs.
func invoke(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	flags := newFlags("invoke")
	addr := flags.String("addr", defaultAddr, "loopback `address` of a running local product; without the flag, a throw-away one is used if none runs")
	asJSON := flags.Bool("json", false, "print the whole reply as JSON")
	dryRun := flags.Bool("dry-run", false, "read and predict, write nothing")
	header := flags.String("header", "", "a `header` to send along, as 'X-Api-Key: ...', where the product authenticates its callers")
	verify := flags.Bool("verify", false, "read again after a write")
	words, err := parse(flags, args, stdout)
	if err != nil {
		helpOfInvoke(stdout, words, err)
		return err
	}
	if len(words) == 0 {
		return fmt.Errorf("name an action: %s", actionNames())
	}
	group, a, ok := find(words[0])
	if !ok {
		return fmt.Errorf("there is no action %q; there are %s", words[0], actionNames())
	}
	parameters, err := parametersOf(words[1:])
	if err != nil {
		return err
	}
	address := "http://" + *addr
	if host, _, err := net.SplitHostPort(*addr); err != nil || !caller.IsLoopback(host) {
		return fmt.Errorf("-addr %s is not a loopback address; write it as 127.0.0.1:8080", *addr)
	}
	if !healthy(ctx, address) {
		if isSet(flags, "addr") {
			return fmt.Errorf("no product serves at %s: start it with go run ./local, or leave -addr out to use a throw-away one", address)
		}
		fmt.Fprintf(stderr, "No product serves at %s; using a throw-away one.\n", address)
		p, err := start(options{addr: "127.0.0.1:0", oktaAddr: "127.0.0.1:0", auth: authSSWS, getenv: getenv})
		if err != nil {
			return err
		}
		defer p.close()
		address = p.functions
	}
	body, err := json.Marshal(map[string]any{
		"parameters": parameters, "options": map[string]any{"dry_run": *dryRun, "verify": *verify},
	})
	if err != nil {
		return err
	}
	reply, err := post(ctx, address+"/"+group.Name+"/"+a.Slug, *header, body)
	if err != nil {
		return err
	}
	return printReply(stdout, reply, *asJSON, a.SecretResults)
}

// helpOfInvoke prints what follows the flags in the help of invoke: the actions, or the one that is named.
func helpOfInvoke(stdout io.Writer, words []string, err error) {
	switch {
	case !errors.Is(err, flag.ErrHelp):
	case len(words) == 0:
		printActions(stdout)
	default:
		if group, a, ok := find(words[0]); ok {
			fmt.Fprintln(stdout)
			printAction(stdout, group, a)
		}
	}
}

// parametersOf reads words of the form NAME=VALUE.
func parametersOf(words []string) (map[string]any, error) {
	parameters := map[string]any{}
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("%q is not a parameter with a value; write it as 'User IDs Or Logins=alice'", word)
		}
		if _, twice := parameters[name]; twice {
			return nil, fmt.Errorf("the parameter %s is given twice; separate several values with commas", name)
		}
		parameters[name] = value
	}
	return parameters, nil
}

// printReply prints a reply, secrets that the action made included. It returns errNotDone if the action did not succeed.
func printReply(stdout io.Writer, reply []byte, asJSON bool, secretResults []string) error {
	var r replyView
	if err := json.Unmarshal(reply, &r); err != nil {
		return fmt.Errorf("the product's reply is not JSON: %w", err)
	}
	if asJSON {
		var out bytes.Buffer
		if err := json.Indent(&out, reply, "", "  "); err != nil {
			return err
		}
		fmt.Fprintln(stdout, strings.TrimSpace(out.String()))
	} else {
		r.print(stdout)
		r.printSecrets(stdout, secretResults)
	}
	if !r.IsSuccess {
		return errNotDone
	}
	return nil
}

func find(name string) (action.Group, action.Action, bool) {
	return action.Find(handlers.Groups, name)
}

func actionNames() string {
	names := map[string]bool{}
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			names[a.Name] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

func post(ctx context.Context, url, header string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	own, err := parseHeader(header)
	if err != nil {
		return nil, err
	}
	maps.Copy(r.Header, own)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}

// parseHeader reads the value of -header; nothing is no header. What stands there may be a key, and is not repeated.
func parseHeader(text string) (http.Header, error) {
	if text == "" {
		return nil, nil
	}
	name, value, ok := strings.Cut(text, ":")
	if !ok {
		return nil, errors.New("-header is no header; write it as 'X-Api-Key: ...'")
	}
	return http.Header{http.CanonicalHeaderKey(strings.TrimSpace(name)): {strings.TrimSpace(value)}}, nil
}

// replyView is what the table shows of a reply.
type replyView struct {
	Status        string          `json:"status"`
	IsSuccess     bool            `json:"is_success"`
	OutputMessage string          `json:"output_message"`
	JSONResult    json.RawMessage `json:"json_result"`
	Warnings      []string        `json:"warnings"`
	Targets       []struct {
		Input   string         `json:"input"`
		Login   string         `json:"login"`
		Outcome string         `json:"outcome"`
		Before  map[string]any `json:"before"`
		After   map[string]any `json:"after"`
		Error   *struct {
			Code string `json:"code"`
		} `json:"error"`
	} `json:"targets"`
}

func (r replyView) print(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(r.Targets) > 0 {
		fmt.Fprintln(table, "TARGET\tLOGIN\tOUTCOME\tBEFORE\tAFTER\tERROR")
		for _, t := range r.Targets {
			code := ""
			if t.Error != nil {
				code = t.Error.Code
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", t.Input, t.Login, t.Outcome, state(t.Before), state(t.After), code)
		}
	} else {
		r.printRows(table)
	}
	_ = table.Flush()
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, "Warning:", warning)
	}
	fmt.Fprintf(w, "%s: %s\n", r.Status, r.OutputMessage)
}

// printSecrets shows the secrets that the action made: a random password, a link. They stand in json_result under the
// input of the target, by these names.
func (r replyView) printSecrets(w io.Writer, names []string) {
	var results map[string]map[string]any
	if len(names) == 0 || json.Unmarshal(r.JSONResult, &results) != nil {
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := "\nThe action made these secrets. Okta does not show them again:\n"
	for _, t := range r.Targets {
		for _, name := range names {
			if secret, ok := results[t.Input][name].(string); ok {
				fmt.Fprintf(table, "%s%s\t%s\t%s\n", head, t.Input, name, secret)
				head = ""
			}
		}
	}
	_ = table.Flush()
}

// printRows shows the objects of a list action, a line each.
func (r replyView) printRows(w io.Writer) {
	var rows []struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Type    any    `json:"type"`
		Status  string `json:"status"`
		Profile struct {
			Login string `json:"login"`
		} `json:"profile"`
	}
	if json.Unmarshal(r.JSONResult, &rows) != nil || len(rows) == 0 {
		return
	}
	fmt.Fprintln(w, "ID\tNAME\tTYPE\tSTATUS")
	for _, row := range rows {
		kind, _ := row.Type.(string) // of a user it is an object
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", row.ID, row.Name+row.Profile.Login, kind, row.Status)
	}
}

// state is a state in few words.
func state(s map[string]any) string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(s)) {
		words = append(words, strings.Trim(fmt.Sprint(s[k]), "[]"))
	}
	return strings.Join(words, " ")
}
