package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"cloud.google.com/go/functions/apiv2/functionspb"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/config"
)

// leastRuntime is the minimum runtime version: go126.
const leastRuntime = 126

// ackDeadline is the maximum acknowledgement deadline of Pub/Sub, in seconds.
const ackDeadline = 600

// platformVariables are set by the platform and not read by the product.
var platformVariables = []string{"FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE", "LOG_EXECUTION_ID"}

// examine compares the function with its group in the catalog.
func (f *Function) examine(project string) {
	build, service := f.deployed.GetBuildConfig(), f.deployed.GetServiceConfig()
	f.State, f.Runtime, f.Auth = f.deployed.GetState().String(), build.GetRuntime(), f.env()["CALLER_AUTH"]
	if !slices.Contains([]string{"", caller.IAM, caller.OIDC, caller.APIKey, caller.None}, f.Auth) {
		f.Auth = "unknown" // the value may be a misplaced key
	}
	f.examineState()
	if n, err := strconv.Atoi(strings.TrimPrefix(f.Runtime, "go")); err != nil || n < leastRuntime {
		f.find(checkRuntime, Failed, "deploy it with the runtime of this source (terraform apply)",
			"its runtime is %s: the source needs go%d", f.Runtime, leastRuntime)
	}
	if target := build.GetEntryPoint(); target != f.group.Function {
		f.find(checkEntryPoint, Failed, "deploy it with the entry point "+f.group.Function,
			"its entry point is %s, but that of the group is %s", target, f.group.Function)
	}
	switch account := service.GetServiceAccountEmail(); {
	case strings.HasSuffix(account, "-compute@developer.gserviceaccount.com"), strings.HasSuffix(account,
		"@appspot.gserviceaccount.com"), account == "":
		f.find(checkAccount, Failed, "give it its own service account",
			"it runs as the default service account of the project, which has more permissions than needed")
	}
	if service.GetIngressSettings() == functionspb.ServiceConfig_ALLOW_INTERNAL_ONLY {
		f.find(checkIngress, Warning, "allow all traffic (ALLOW_ALL): the function authenticates its callers",
			"its ingress allows internal traffic only: SecOps cannot call it")
	}
	if n := len(service.GetSecretEnvironmentVariables()) + len(service.GetSecretVolumes()); n > 0 {
		f.find(checkBoundSecrets, Warning, "remove them: the function reads its secrets from Secret Manager",
			"%d secrets are bound to it as variables or volumes", n)
	}
	f.passed(checkFunction, checkRuntime, checkEntryPoint, checkAccount, checkIngress, checkBoundSecrets)
	f.examineSettings(project)
}

// examineState reports the state of the function and the messages of Cloud Functions.
func (f *Function) examineState() {
	const look = "look at the function in the console of Google Cloud, and deploy it again (terraform apply)"
	if f.deployed.GetState() != functionspb.Function_ACTIVE {
		f.find(checkFunction, Failed, look, "its state is %s", f.State)
	}
	for _, m := range f.deployed.GetStateMessages() {
		level := Warning
		if m.GetSeverity() == functionspb.StateMessage_ERROR {
			level = Failed
		}
		f.find(checkFunction, level, look, "Cloud Functions reports: %s (%s)", m.GetMessage(), m.GetType())
	}
}

// examineSettings reads the settings in the same way as the function.
func (f *Function) examineSettings(project string) {
	timeout, env := int(f.deployed.GetServiceConfig().GetTimeoutSeconds()), f.env()
	if timeout >= ackDeadline {
		f.find(checkTimeout, Warning, "set a timeout of at most 540 s",
			"its timeout is %d s: from %d s on, Pub/Sub redelivers a message while the function still works on it",
			timeout, ackDeadline)
	}
	c, err := f.settings(strconv.Itoa(timeout))
	if err != nil {
		for _, problem := range err.(*config.Error).Problems {
			f.find(checkSettings, Failed, "correct the setting (docs/configuration.md), and apply", "%s", problem)
		}
	} else {
		if set, err := f.settings(""); err == nil && c.Deadline < set.Deadline {
			f.find(checkTimeout, Warning, "make the timeout at least 5 s longer than REQUEST_DEADLINE",
				"its timeout is %d s, which reduces REQUEST_DEADLINE %s to %s", timeout, set.Deadline, c.Deadline)
		}
		f.passed(checkTimeout)
	}
	f.examineProtection()
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !config.Known(name) && !slices.Contains(platformVariables, name) {
			f.find(checkSettings, Warning, "correct its name, or remove it", "%s is not a setting: is it misspelled?", name)
		}
	}
	if env[signingKey] != "" && !f.group.Signs {
		f.find(checkSettings, Failed, "remove it from this function", "ITP_SIGNING_KEY_SECRET is set, but this group does "+
			"not sign: only the function of signals may have the signing key")
	}
	if other := env["GOOGLE_CLOUD_PROJECT"]; other != "" && other != project {
		f.find(checkSettings, Warning, "set it to "+project+", or leave it out",
			"GOOGLE_CLOUD_PROJECT is %s, but the function runs in %s", other, project)
	}
	f.passed(checkSettings)
}

// examineProtection warns of settings that are optional, and without which changes are less safe.
func (f *Function) examineProtection() {
	if f.env()["IDEMPOTENCY_BUCKET"] == "" {
		f.find(checkIdempotency, Warning, "set it to the name of a bucket for all functions",
			"IDEMPOTENCY_BUCKET is not set: a repeated request is carried out again by another instance")
	}
	mutates := slices.ContainsFunc(f.group.Actions, func(a action.Action) bool { return a.Mutates })
	if f.env()["GUARDRAILS"] == "" && mutates {
		f.find(checkGuardrails, Warning, "set a policy (docs/guardrails.md)",
			"GUARDRAILS is not set: only the rules that are always on limit what this function changes")
	}
	f.passed(checkIdempotency, checkGuardrails)
}

// settings returns the settings as the function reads them with this timeout, in seconds.
func (f *Function) settings(timeout string) (config.Config, error) {
	return config.FromEnv(func(name string) string {
		switch name {
		case "K_SERVICE":
			return f.Name
		case "CLOUD_RUN_TIMEOUT_SECONDS":
			return timeout
		}
		return f.env()[name]
	}, f.group.NeedsOkta())
}
