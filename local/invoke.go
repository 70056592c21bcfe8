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

// errNotDone is the error of invoke after it has printed the reply of a failed action.
var errNotDone = errors.New("the action did not succeed")

// isSet reports whether a flag was given.
func isSet(flags *flag.FlagSet, name string) bool {
	given := false
	flags.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	return given
}

// invoke runs one action on the product at -addr and prints the outcome of each target. Without
// -addr it starts a temporary product if none runs.
func invoke(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	flags := newFlags("invoke")
	addr := flags.String("addr", defaultAddr,
		"loopback `address` of a running local product; without the flag, a temporary product starts if none runs")
	asJSON := flags.Bool("json", false, "print the whole reply as JSON")
	dryRun := flags.Bool("dry-run", false, "predict the outcome and change nothing")
	header := flags.String("header", "",
		"a `header` for a product that authenticates its callers, such as 'X-Api-Key: ...'")
	verify := flags.Bool("verify", false, "read the state again after each change")
	async := flags.Bool("async", false, "run as a job: for long lists of users; shows the progress until it has ended")
	words, err := parse(flags, args, stdout)
	if err != nil {
		printInvokeHelp(stdout, words, err)
		return err
	}
	if len(words) == 0 {
		return fmt.Errorf("name an action: %s", actionNames())
	}
	group, a, ok := find(words[0])
	if !ok {
		return fmt.Errorf("unknown action %q; the actions are %s", words[0], actionNames())
	}
	parameters, err := parametersOf(words[1:])
	if err != nil {
		return err
	}
	address, stop, err := findOrStart(ctx, *addr, isSet(flags, "addr"), getenv, stderr)
	if err != nil {
		return err
	}
	defer stop()
	body, err := json.Marshal(map[string]any{
		"parameters": parameters, "options": map[string]any{"dry_run": *dryRun, "verify": *verify},
	})
	if err != nil {
		return err
	}
	send := post
	if *async {
		send = func(ctx context.Context, url, header string, body []byte) ([]byte, error) {
			return runJob(ctx, address+"/"+group.Name, url, header, body, stderr)
		}
	}
	reply, err := send(ctx, address+"/"+group.Name+"/"+a.Slug, *header, body)
	if err != nil {
		return err
	}
	return printReply(stdout, reply, *asJSON, a.SecretResults)
}

// findOrStart returns the address of the product at addr. If none runs there and addr is the
// default, it starts a temporary product, which stop ends.
func findOrStart(
	ctx context.Context, addr string, required bool, getenv func(string) string, stderr io.Writer,
) (address string, stop func(), err error) {
	if host, _, err := net.SplitHostPort(addr); err != nil || !caller.IsLoopback(host) {
		return "", nil, fmt.Errorf("-addr %s is not a loopback address; use a form such as 127.0.0.1:8080", addr)
	}
	address = "http://" + addr
	if healthy(ctx, address) {
		return address, func() {}, nil
	}
	if required {
		return "", nil, fmt.Errorf("no product runs at %s: start one with go run ./local, "+
			"or omit -addr to use a temporary product", address)
	}
	fmt.Fprintf(stderr, "No product runs at %s; starting a temporary one.\n", address)
	p, err := start(options{
		addr: "127.0.0.1:0", oktaAddr: "127.0.0.1:0", transmitter: "127.0.0.1:0", auth: authSSWS, headless: true,
		getenv: getenv,
	})
	if err != nil {
		return "", nil, err
	}
	return p.functions, p.close, nil
}

// printInvokeHelp prints the end of the help of invoke: all actions, or the one in words.
func printInvokeHelp(stdout io.Writer, words []string, err error) {
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

// parametersOf parses words of the form NAME=VALUE.
func parametersOf(words []string) (map[string]any, error) {
	parameters := map[string]any{}
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("%q is not a parameter with a value; use a form such as 'User IDs Or Logins=alice'", word)
		}
		if _, twice := parameters[name]; twice {
			return nil, fmt.Errorf("the parameter %s occurs twice; separate several values with commas", name)
		}
		parameters[name] = value
	}
	return parameters, nil
}

// printReply prints a reply, including the secrets that the action created. It returns errNotDone
// if the action did not succeed.
func printReply(stdout io.Writer, reply []byte, asJSON bool, secretResults []string) error {
	var r replyView
	if err := json.Unmarshal(reply, &r); err != nil {
		return fmt.Errorf("the reply of the product is not JSON: %w", err)
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
	_, reply, err := exchange(ctx, http.MethodPost, url, header, body, nil)
	return reply, err
}

// exchange sends a request with the header of -header and more, and returns the status and the body of the response.
func exchange(
	ctx context.Context, method, url, header string, body []byte, more http.Header,
) (status int, reply []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body)) //nolint:gosec // the user's own address
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	extra, err := parseHeader(header)
	if err != nil {
		return 0, nil, err
	}
	maps.Copy(r.Header, extra)
	maps.Copy(r.Header, more)
	res, err := http.DefaultClient.Do(r) //nolint:gosec // the user's own address
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	reply, err = io.ReadAll(res.Body)
	return res.StatusCode, reply, err
}

// parseHeader parses the value of -header, which may be empty. The error does not repeat the value,
// because it may contain a key.
func parseHeader(text string) (http.Header, error) {
	if text == "" {
		return nil, nil
	}
	name, value, ok := strings.Cut(text, ":")
	if !ok {
		return nil, errors.New("-header has no colon; use a form such as 'X-Api-Key: ...'")
	}
	return http.Header{http.CanonicalHeaderKey(strings.TrimSpace(name)): {strings.TrimSpace(value)}}, nil
}

// replyView contains the members of a reply that invoke and results print.
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
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n",
				t.Input, t.Login, t.Outcome, shortState(t.Before), shortState(t.After), code)
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

// printSecrets prints the secrets that the action created, such as a random password or a link: the
// members of json_result with these names, by the input of the target.
func (r replyView) printSecrets(w io.Writer, names []string) {
	var results map[string]map[string]any
	if len(names) == 0 || json.Unmarshal(r.JSONResult, &results) != nil {
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := "\nThe action created these secrets. Okta does not show them again:\n"
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

// printRows prints the objects of a list action, one per line.
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
		kind, _ := row.Type.(string) // the type of a user is an object
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", row.ID, row.Name+row.Profile.Login, kind, row.Status)
	}
}

// shortState returns the values of a state without their names.
func shortState(s map[string]any) string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(s)) {
		words = append(words, strings.Trim(fmt.Sprint(s[k]), "[]"))
	}
	return strings.Join(words, " ")
}
