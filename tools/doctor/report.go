package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"cloud.google.com/go/functions/apiv2/functionspb"

	"example.com/okta-secops/internal/action"
)

// Status is the result of a check.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warning Status = "warning" // something may be unintended, or could not be checked
	Failed  Status = "failed"  // something does not work, or is not secure
	Skipped Status = "skipped" // it was not checked, on purpose or because something else failed
)

// Check identifies a check. The values are part of the output of -json and do not change.
type Check string

// The checks of each function.
const (
	checkFunction     Check = "function"
	checkRuntime      Check = "runtime"
	checkEntryPoint   Check = "entry-point"
	checkAccount      Check = "service-account"
	checkIngress      Check = "ingress"
	checkBoundSecrets Check = "bound-secrets"
	checkTimeout      Check = "timeout"
	checkSettings     Check = "settings"
	checkGuardrails   Check = "guardrails"
	checkIdempotency  Check = "idempotency"
	checkSecrets      Check = "secrets"
	checkAddress      Check = "address"
	checkAccess       Check = "access"
	checkPing         Check = "ping"
	checkVersion      Check = "version"
)

// The checks that need a flag or a setting. They have a finding for each function that they concern, or one for the
// deployment if the flag is not set.
const (
	checkDelivery  Check = "delivery"
	checkToken     Check = "api-token"
	checkScopes    Check = "scopes"
	checkPublished Check = "published-keys"
)

// The checks of the deployment as a whole.
const (
	checkDeployment       Check = "deployment"
	checkSharedAccount    Check = "shared-service-account"
	checkOrg              Check = "org"
	checkSharedCredential Check = "shared-credential"
)

// checks are all checks, in the order of the documentation, with the message of those that are OK.
var checks = []struct {
	id Check
	ok string
}{
	{checkDeployment, "the functions were read"},
	{checkFunction, "the function exists and is ACTIVE"},
	{checkRuntime, "the runtime can run the source"},
	{checkEntryPoint, "the entry point is that of the group"},
	{checkAccount, "the function does not run as a default service account"},
	{checkSharedAccount, "no two functions run as the same service account"},
	{checkIngress, "the ingress is not limited to internal traffic"},
	{checkBoundSecrets, "no secret is bound as a variable or a volume"},
	{checkTimeout, "the timeout fits REQUEST_DEADLINE and Pub/Sub"},
	{checkSettings, "the settings are valid"},
	{checkOrg, "the functions call the same org"},
	{checkGuardrails, "GUARDRAILS is set, or the group changes nothing"},
	{checkIdempotency, "IDEMPOTENCY_BUCKET is set"},
	{checkSecrets, "the secrets have enabled versions, and the function may read them"},
	{checkSharedCredential, "no two functions have the same Okta credential"},
	{checkAddress, "the URL of the function is known"},
	{checkAccess, "a request and a delivery without credentials are refused"},
	{checkPing, "Ping succeeded without a warning"},
	{checkVersion, "the deployed version is that of doctor"},
	{checkDelivery, "a Ping by message had its result"},
	{checkToken, "the API tokens of the owner are not near their expiry"},
	{checkScopes, "the service app has no more scopes than its functions need"},
	{checkPublished, "the issuer publishes the key that signs"},
}

// okMessage returns the message of a check that is OK.
func okMessage(id Check) string {
	for _, c := range checks {
		if c.id == id {
			return c.ok
		}
	}
	panic("doctor: unknown check " + id)
}

// Finding is the result of a check.
type Finding struct {
	Check    Check  `json:"check"`
	Function string `json:"function"` // "": the deployment as a whole
	Status   Status `json:"status"`
	Message  string `json:"message"`
	WhatToDo string `json:"what_to_do"` // "" if the status is ok
}

// Function is a function and its state.
type Function struct {
	Group    string `json:"group"`
	Name     string `json:"function"`
	State    string `json:"state"`
	Runtime  string `json:"runtime"`
	Auth     string `json:"caller_auth"`
	Ping     string `json:"ping"`
	Version  string `json:"version"` // of the deployed source; "" if it was not read
	Delivery string `json:"delivery"`

	report   *Report
	group    action.Group
	deployed *functionspb.Function
	url      string // for requests; see address
	owner    string // login of the owner of its API token, from Ping; "": unknown
}

func (f *Function) env() map[string]string {
	return f.deployed.GetServiceConfig().GetEnvironmentVariables()
}

// find adds a finding. whatToDo is an imperative without a capital and a period.
func (f *Function) find(c Check, s Status, whatToDo, format string, args ...any) {
	f.report.add(Finding{c, f.Name, s, fmt.Sprintf(format, args...), whatToDo})
}

// passed adds a finding of the status OK for each of the checks that has no finding yet.
func (f *Function) passed(checks ...Check) {
	for _, c := range checks {
		if !f.found(c) {
			f.find(c, OK, "", "%s", okMessage(c))
		}
	}
}

func (f *Function) found(c Check) bool {
	return slices.ContainsFunc(f.report.Findings, func(x Finding) bool { return x.Function == f.Name && x.Check == c })
}

// failed reports whether a check of the function has failed.
func (f *Function) failed() bool {
	return slices.ContainsFunc(f.report.Findings, func(x Finding) bool {
		return x.Function == f.Name && x.Status == Failed
	})
}

// skipRest adds a finding for each check of a function that was not made.
func (f *Function) skipRest() {
	for _, c := range []Check{checkTimeout, checkSettings, checkGuardrails, checkIdempotency, checkSecrets, checkAccess,
		checkPing, checkVersion} {
		if !f.found(c) {
			f.find(c, Skipped, "correct the other findings of this function, and run doctor again",
				"this was not checked: another check of the function did not succeed")
		}
	}
}

// Report is the report on a deployment.
type Report struct {
	Version   string      `json:"version"` // of doctor and of the catalog that it compares with
	Project   string      `json:"project"`
	Region    string      `json:"region"`
	Status    Status      `json:"status"` // failed, else warning, else ok
	Functions []*Function `json:"functions"`
	Findings  []Finding   `json:"findings"`
}

func (r *Report) add(f Finding) { r.Findings = append(r.Findings, f) }

// find adds a finding of the deployment as a whole.
func (r *Report) find(c Check, s Status, whatToDo, format string, args ...any) {
	r.add(Finding{c, "", s, fmt.Sprintf(format, args...), whatToDo})
}

// passed is Function.passed for the deployment as a whole.
func (r *Report) passed(c Check) {
	if !slices.ContainsFunc(r.Findings, func(x Finding) bool { return x.Function == "" && x.Check == c }) {
		r.find(c, OK, "", "%s", okMessage(c))
	}
}

// finish orders the findings by functions, those of the deployment last, and sets the status.
func (r *Report) finish() {
	position := func(f Finding) int {
		i := slices.IndexFunc(r.Functions, func(x *Function) bool { return x.Name == f.Function })
		return (i + len(r.Functions) + 1) % (len(r.Functions) + 1)
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(position(a), position(b)) })
	r.Status = OK
	for _, f := range r.Findings {
		if f.Status == Failed || f.Status == Warning && r.Status == OK {
			r.Status = f.Status
		}
		if r.Status == Failed {
			return
		}
	}
}

// writeJSON writes the report as one JSON document.
func (r *Report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// writeText writes a table of the functions, and the findings that are not OK.
func (r *Report) writeText(w io.Writer) error {
	fmt.Fprintf(w, "okta-secops %s\n\n", r.Version)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "GROUP\tFUNCTION\tSTATE\tRUNTIME\tVERSION\tCALLERS\tPING\tDELIVERY\tFINDINGS")
	for _, f := range r.Functions {
		findings := 0
		for _, x := range r.Findings {
			if x.Function == f.Name && (x.Status == Failed || x.Status == Warning) {
				findings++
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", f.Group, f.Name, f.State, f.Runtime, f.Version,
			f.Auth, f.Ping, f.Delivery, findings)
	}
	_ = table.Flush()
	count := map[Status]int{}
	for _, f := range r.Findings {
		count[f.Status]++
		if f.Status == OK {
			continue
		}
		place := cmp.Or(f.Function, "deployment")
		fmt.Fprintf(w, "%s: %s: %s\n    what to do: %s\n", f.Status, place, f.Message, f.WhatToDo)
	}
	_, err := fmt.Fprintf(w, "Checks: %d ok, %d warning, %d failed, %d skipped.\n", count[OK], count[Warning],
		count[Failed], count[Skipped])
	return err
}
