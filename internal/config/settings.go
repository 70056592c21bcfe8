package config

import "slices"

// Setting declares one environment variable that the product reads. The table of docs/configuration.md and the check
// for unknown variables derive from these declarations.
type Setting struct {
	Name      string
	Parameter string // the parameter of the product document, if it has one
	Default   string // of an optional setting, as it would be written
	Required  bool
	Platform  bool   // set by Google Cloud rather than by the operator
	Help      string // in Markdown
}

// Settings are all settings, in the order of the documentation.
var Settings = []Setting{
	{
		Name: "OKTA_API_ROOT", Parameter: "Api Root", Required: true,
		Help: "URL of the org without a path, such as `https://acme.okta.com`: https, or http on loopback. A host name, " +
			"not an IP address in any notation; a port from 1 to 65535. Not the URL of the Admin Console (`-admin`)",
	},
	{Name: "OKTA_API_TOKEN_SECRET", Parameter: "Api Token", Help: "Reference to an API token (SSWS). Omit it with OAuth"},
	{
		Name: "OKTA_USE_OAUTH", Parameter: "Use Oauth Authentication", Default: "false",
		Help: "Authenticate as a service app, with the next three settings",
	},
	{Name: "OKTA_CLIENT_ID", Parameter: "Client ID", Help: "Client ID of the app"},
	{
		Name: "OKTA_KEY_ID", Parameter: "Key ID",
		Help: "The `kid` under which the app's public key is registered: printable ASCII without spaces, at most 256 " +
			"characters. The `kid` of a JWK takes precedence",
	},
	{
		Name: "OKTA_PRIVATE_KEY_SECRET", Parameter: "Private Key",
		Help: "Reference to the private key: PEM (PKCS#1, PKCS#8, SEC1), with or without its BEGIN and END lines, base64 " +
			"of a whole PEM, or JWK (for signatures: `use`, `key_ops`, `alg`); RSA from 2048 bits, or EC on P-256, P-384, " +
			"P-521; without a passphrase",
	},
	{
		Name: "OKTA_VERIFY_SSL", Parameter: "Verify SSL", Default: "true",
		Help: "`false` accepts any certificate, with a warning in the log and in every reply",
	},
	{
		Name: "OKTA_CONCURRENCY", Default: "8",
		Help: "Concurrent calls to Okta of one instance, for all its requests together; 1 to 35",
	},
	{
		Name: "OKTA_LIMIT_SHARE", Default: "0.5",
		Help: "Share of each of Okta's rate limits to use at full speed; the rest is spread until the limit resets. Above " +
			"0, up to 1",
	},
	{
		Name: "ITP_SIGNING_KEY_SECRET", Parameter: "Private Key String",
		Help: "`OktaSignals` only: reference to the key that signs signals, in the forms of `OKTA_PRIVATE_KEY_SECRET`",
	},
	{
		Name: "ITP_KEY_ID", Parameter: "Key ID",
		Help: "The `kid` of that key in your JWKS, in the form of `OKTA_KEY_ID`. The `kid` of a JWK takes precedence",
	},
	{Name: "ITP_ISSUER_URL", Parameter: "Issuer URL", Help: "The issuer that is registered in Okta; https"},
	{
		Name: "ITP_TIMESTAMP_UNIT", Default: "ms",
		Help: "The unit of `event_timestamp`: `ms`, or `s` as in Okta's reference; Okta's guide has both",
	},
	{
		Name: "ITP_PUBLIC_KEYS_SECRET",
		Help: "`OktaTransmitter` only: reference to the JWK Set that it publishes, with public keys only " +
			"([signals.md](signals.md))",
	},
	{
		Name: "ITP_JWKS_URL",
		Help: "`OktaTransmitter` only: URL of its `/jwks.json`, for the metadata. Without it, `ITP_ISSUER_URL` and " +
			"`/jwks.json`",
	},
	{
		Name: "QUARANTINE_GROUP",
		Help: "`OktaContainment` only: ID or exact name of the Okta group to which Contain User adds evicted users",
	},
	{
		Name: "CALLER_AUTH", Required: true,
		Help: "[Authentication of callers](#callers): `iam`, `oidc`, `apikey`, or `none` on loopback",
	},
	{
		Name: "CALLER_AUDIENCE",
		Help: "`oidc`: the audience of the ID tokens, which is the URL of the function; several with commas",
	},
	{Name: "CALLER_EMAILS", Help: "`oidc`: e-mail addresses of the service accounts that may call, with commas"},
	{Name: "CALLER_KEYS_SECRET", Help: "`apikey`: reference to the keys"},
	{Name: "CALLER_KEY_HEADER", Default: "X-Api-Key", Help: "`apikey`: the header with the key"},
	{
		Name: "IDEMPOTENCY_BUCKET",
		Help: "Bucket with the records of [Idempotency-Keys](#repeated-requests), for all instances. Without it each " +
			"instance keeps its records in memory",
	},
	{Name: "IDEMPOTENCY_PREFIX", Help: "Prefix of the object names in that bucket, such as `okta-users/`"},
	{
		Name: "PUSH_AUDIENCE",
		Help: "`oidc`, `apikey`: the audience of the ID tokens of [push deliveries](#messages), which is the URL of the " +
			"service without a path; several with commas",
	},
	{Name: "PUSH_EMAILS", Help: "`oidc`, `apikey`: e-mail addresses of the service accounts of the push subscriptions"},
	{
		Name: "RESULTS_TOPIC",
		Help: "Topic for the reply of every run: `projects/P/topics/T`, or `T` in `GOOGLE_CLOUD_PROJECT`",
	},
	{
		Name: "DEAD_LETTER_TOPIC",
		Help: "Topic for messages that cannot be executed, in the same form. Without it they are in the log only",
	},
	{
		Name: "JOBS_TOPIC",
		Help: "The function's own topic, in the same form, for the batches of [jobs](jobs.md). `{group}` stands for the " +
			"name of the group. Without it the function has no jobs",
	},
	{
		Name: "AUDIT_LOGINS", Default: "plain",
		Help: "`hashed` writes the SHA-256 of the lower-case login to the audit instead of the login; user IDs stay",
	},
	{
		Name: "MAX_TARGETS", Default: "100",
		Help: "Maximum number of targets of one change; 1 to 10,000. A read takes 10 times as many names",
	},
	{
		Name: "MAX_INVOCATIONS", Default: "250",
		Help: "Maximum number of concurrent requests of one instance; a further one gets 429 with `Retry-After`. 1 to " +
			"1,000; set it to the concurrency of the service",
	},
	{
		Name: "REQUEST_DEADLINE", Default: "100s",
		Help: "Time for one request, 1s to 535s; at most the platform's timeout less 5 s",
	},
	{Name: "GOOGLE_CLOUD_PROJECT", Help: "Project of references without a project, and of the traces in the log"},
	{
		Name: "GUARDRAILS",
		Help: "The policy of the [guardrails](guardrails.md): JSON, or a reference to it. It is read again every 30 s. " +
			"Without it only the rules that are always on apply",
	},
	{Name: "K_SERVICE", Platform: true, Help: "Name of the Cloud Run service"},
	{Name: "K_REVISION", Platform: true, Help: "Revision of the service, for the audit and the log"},
	{Name: "CLOUD_RUN_TIMEOUT_SECONDS", Platform: true, Help: "Timeout of the platform"},
}

// renamed are former names of settings, by which an error names the new one.
var renamed = map[string]string{"CLAIMS_BUCKET": "IDEMPOTENCY_BUCKET", "CLAIMS_PREFIX": "IDEMPOTENCY_PREFIX"}

// Known reports whether the product reads a variable of this name.
func Known(name string) bool {
	_, old := renamed[name]
	return old || slices.ContainsFunc(Settings, func(s Setting) bool { return s.Name == name })
}

// setting returns the declaration of a setting. It panics if there is none: every setting must be declared.
func setting(name string) Setting {
	i := slices.IndexFunc(Settings, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		panic("config: setting " + name + " is not declared")
	}
	return Settings[i]
}

// title returns the name of the setting as errors show it: with the parameter of the product document.
func (s Setting) title() string {
	if s.Parameter == "" {
		return s.Name
	}
	return s.Name + " (" + s.Parameter + ")"
}
