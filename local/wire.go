package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/secops"
)

// groupMark stands for the name of the group in the URL of the functions.
const groupMark = "{group}"

// wire prints the fields of the HTTP V2 step that calls an action.
func wire(args []string, stdout io.Writer) error {
	flags := newFlags("wire")
	root := flags.String("root", "http://"+defaultAddr+"/"+groupMark,
		"the `URL` of the functions, with {group} for the name of the group: terraform output secops_integration prints it")
	token := flags.Bool("token", false, "the functions take ID tokens, not API keys")
	words, err := parse(flags, args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		printActions(stdout)
	}
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return fmt.Errorf("name one action, in quotes: %s", actionNames())
	}
	g, a, ok := find(words[0])
	if !ok {
		return fmt.Errorf("unknown action %q; the actions are %s", words[0], actionNames())
	}
	url := strings.ReplaceAll(strings.TrimRight(*root, "/"), groupMark, g.Name)
	if !caller.IsSecureURL(url) {
		return fmt.Errorf("-root is %q, must be an https URL such as "+
			"https://okta-{group}-123456789012.europe-west1.run.app", *root)
	}
	_, reply, _, err := secops.Example(g, a)
	if err != nil {
		return err
	}
	step, err := secops.StepOf(a, reply)
	if err != nil {
		return err
	}
	printStep(stdout, a, url, step, *token)
	return nil
}

// printStep prints the fields of a step, its notes and its outputs.
func printStep(w io.Writer, a action.Action, url string, s secops.Step, token bool) {
	fmt.Fprintf(w, "%s: HTTP V2 > Execute HTTP Request\n\n%s", a.Name, s.Fields(url+"/"+a.Slug, token))
	if s.Note != "" {
		fmt.Fprintf(w, "\n%s\n", strings.ReplaceAll(s.Note, ". ", ".\n"))
	}
	fmt.Fprintf(w, "\nA later step reads, as [STEP.JsonResult| \"PATH\"]:\n")
	for _, path := range s.Outputs {
		fmt.Fprintf(w, "  %s\n", path)
	}
	fmt.Fprintf(w, "\nThe other parameters: go run ./local help %q\n", a.Name)
}
