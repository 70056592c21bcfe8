package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"cloud.google.com/go/functions/apiv2/functionspb"

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
func (f *Function) examine(o Options) {
	build, service := f.deployed.GetBuildConfig(), f.deployed.GetServiceConfig()
	env := service.GetEnvironmentVariables()
	f.State, f.Runtime, f.Auth = f.deployed.GetState().String(), build.GetRuntime(), env["CALLER_AUTH"]
	if !slices.Contains([]string{"", caller.IAM, caller.OIDC, caller.APIKey, caller.None}, f.Auth) {
		f.Auth = "unknown" // the value may be a misplaced key
	}
	if f.deployed.GetState() != functionspb.Function_ACTIVE {
		f.find(Error, "its state is %s", f.State)
	}
	for _, m := range f.deployed.GetStateMessages() {
		level := Warning
		if m.GetSeverity() == functionspb.StateMessage_ERROR {
			level = Error
		}
		f.find(level, "Cloud Functions reports: %s (%s)", m.GetMessage(), m.GetType())
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(f.Runtime, "go")); err != nil || n < leastRuntime {
		f.find(Error, "its runtime is %s: the source needs go%d", f.Runtime, leastRuntime)
	}
	if target := build.GetEntryPoint(); target != f.group.Function {
		f.find(Error, "its entry point is %s, but that of the group is %s", target, f.group.Function)
	}
	switch account := service.GetServiceAccountEmail(); {
	case strings.HasSuffix(account, "-compute@developer.gserviceaccount.com"), strings.HasSuffix(account,
		"@appspot.gserviceaccount.com"), account == "":
		f.find(Error, "it runs as the default service account of the project, which has more permissions than needed: give "+
			"it its own")
	}
	if service.GetIngressSettings() == functionspb.ServiceConfig_ALLOW_INTERNAL_ONLY {
		f.find(Warning, "its ingress allows internal traffic only: SecOps cannot call it")
	}
	if n := len(service.GetSecretEnvironmentVariables()) + len(service.GetSecretVolumes()); n > 0 {
		f.find(Warning, "%d secrets are bound to it as variables or volumes: remove them, because the function reads its "+
			"secrets from Secret Manager", n)
	}
	timeout := int(service.GetTimeoutSeconds())
	if timeout >= ackDeadline {
		f.find(Warning, "its timeout is %d s: from %d s on, Pub/Sub redelivers a message while the function still works on "+
			"it", timeout, ackDeadline)
	}
	f.examineSettings(o.Project, timeout, env)
}

// examineSettings reads the settings in the same way as the function.
func (f *Function) examineSettings(project string, timeout int, env map[string]string) {
	settings := func(timeout string) (config.Config, error) {
		return config.FromEnv(func(name string) string {
			switch name {
			case "K_SERVICE":
				return f.Name
			case "CLOUD_RUN_TIMEOUT_SECONDS":
				return timeout
			}
			return env[name]
		}, f.group.NeedsOkta())
	}
	c, err := settings(strconv.Itoa(timeout))
	if err != nil {
		for _, problem := range err.(*config.Error).Problems {
			f.find(Error, "%s", problem)
		}
	} else {
		if c.IdempotencyBucket == "" {
			f.find(Warning, "IDEMPOTENCY_BUCKET is not set: a repeated request is carried out again by another instance")
		}
		if set, err := settings(""); err == nil && c.Deadline < set.Deadline {
			f.find(Warning, "its timeout is %d s, which reduces REQUEST_DEADLINE %s to %s: make the timeout at least 5 s "+
				"longer than REQUEST_DEADLINE", timeout, set.Deadline, c.Deadline)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !config.Known(name) && !slices.Contains(platformVariables, name) {
			f.find(Warning, "%s is not a setting: is it misspelled?", name)
		}
	}
	if env["ITP_SIGNING_KEY_SECRET"] != "" && !f.group.Signs {
		f.find(Error, "ITP_SIGNING_KEY_SECRET is set, but this group does not sign: only the function of signals may have "+
			"the signing key")
	}
	if other := env["GOOGLE_CLOUD_PROJECT"]; other != "" && other != project {
		f.find(Warning, "GOOGLE_CLOUD_PROJECT is %s, but the function runs in %s", other, project)
	}
}
