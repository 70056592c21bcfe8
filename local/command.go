package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/buildinfo"
)

// usages are the usage lines of the commands by name; "" is the command that serves.
var usages = map[string]string{
	"":        "go run ./local [flags]",
	"invoke":  "go run ./local invoke [flags] ACTION [PARAMETER=VALUE ...]",
	"undo":    "go run ./local undo [flags] REPLY.json",
	"publish": "go run ./local publish [flags] GROUP JSON",
	"results": "go run ./local results [flags]",
	"wire":    "go run ./local wire [flags] ACTION",
	"help":    "go run ./local help [COMMAND or ACTION]",
}

// commands are the names of the commands, in the order of the help.
var commands = []string{"invoke", "undo", "publish", "results", "wire", "help"}

// newFlags returns an empty flag set for a command. It prints nothing; parse prints help and
// errors.
func newFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	return flags
}

// parse parses flags before, between and after the other words, which it returns. For -h it prints
// the help of the command and returns flag.ErrHelp.
func parse(flags *flag.FlagSet, args []string, stdout io.Writer) (words []string, err error) {
	for {
		switch err := flags.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			printFlags(stdout, flags)
			return words, err
		case err != nil:
			command := strings.Join(strings.Fields("go run ./local "+flags.Name()+" -h"), " ")
			return nil, fmt.Errorf("%w; see %s", err, command)
		}
		if flags.NArg() == 0 {
			return words, nil
		}
		words, args = append(words, flags.Arg(0)), flags.Args()[1:]
	}
}

// printFlags prints the usage and the flags of a command.
func printFlags(w io.Writer, flags *flag.FlagSet) {
	fmt.Fprintf(w, "usage: %s\n", usages[flags.Name()])
	if flags.Name() == "" {
		for _, name := range commands {
			fmt.Fprintf(w, "       %s\n", usages[name])
		}
	}
	flags.SetOutput(w)
	flags.PrintDefaults()
	flags.SetOutput(io.Discard)
}

// help prints the help of a command, by running it with -h, or of an action.
func help(words []string, stdout io.Writer, run func(args ...string) error) error {
	name := strings.Join(words, " ")
	if _, ok := usages[name]; ok && name != "help" {
		return run(strings.Fields(name + " -h")...)
	}
	if name == "help" {
		fmt.Fprintf(stdout, "usage: %s\n", usages[name])
		return nil
	}
	g, a, ok := find(name)
	if !ok {
		return fmt.Errorf("unknown command or action %q; the commands are %s; the actions are %s",
			name, strings.Join(commands, ", "), actionNames())
	}
	printAction(stdout, g, a)
	return nil
}

// printActions lists the actions by name with their summaries.
func printActions(w io.Writer) {
	fmt.Fprintln(w, "\nActions (go run ./local help ACTION lists the parameters):")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			if a.Slug != "ping" {
				fmt.Fprintf(table, "  %s\t%s\n", a.Name, a.Summary)
			}
		}
	}
	fmt.Fprintf(table, "  Ping\tTests the credentials of a group.\n")
	_ = table.Flush()
}

// printAction prints the catalog entry of an action.
func printAction(w io.Writer, g action.Group, a action.Action) {
	fmt.Fprintf(w, "%s: %s\n\nusage: go run ./local invoke %q", a.Name, a.Summary, a.Name)
	if len(a.Params) > 0 {
		fmt.Fprint(w, " 'PARAMETER=VALUE' ...")
	}
	fmt.Fprintf(w, "\n       POST /%s/%s\n", g.Name, a.Slug)
	if len(a.OktaScopes) > 0 {
		fmt.Fprintf(w, "OAuth scopes: %s\n", strings.Join(a.OktaScopes, ", "))
	}
	if len(a.Params) == 0 {
		fmt.Fprintln(w, "It has no parameters.")
		return
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PARAMETER\tTYPE\tDEFAULT\tDESCRIPTION")
	for _, p := range a.Params {
		byDefault := ""
		if p.Default != nil {
			byDefault = fmt.Sprint(p.Default)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.Name, p.Type, byDefault, strings.Join(notes(p), " "))
	}
	_ = table.Flush()
}

// notes returns the description of a parameter and its constraints.
func notes(p action.Param) []string {
	var out []string
	if p.Required {
		out = append(out, "Required.")
	}
	if p.Secret {
		out = append(out, "Secret.")
	}
	if p.Description != "" {
		out = append(out, p.Description)
	}
	if len(p.Allowed) > 0 {
		out = append(out, "One of "+strings.Join(p.Allowed, ", ")+".")
	}
	switch {
	case p.Min != nil && p.Max != nil:
		out = append(out, fmt.Sprintf("%d to %d.", *p.Min, *p.Max))
	case p.Min != nil:
		out = append(out, fmt.Sprintf("At least %d.", *p.Min))
	case p.Max != nil:
		out = append(out, fmt.Sprintf("At most %d.", *p.Max))
	}
	if len(p.Aliases) > 0 {
		out = append(out, "Also named "+strings.Join(p.Aliases, ", ")+".")
	}
	return out
}

// version returns the version of the build, the Go version and the platform.
func version() string {
	return fmt.Sprintf("okta-secops %s %s %s/%s", buildinfo.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
