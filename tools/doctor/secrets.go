package main

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/okta-secops/secrets"
)

// secretClients are the Secret Manager clients by endpoint: a regional secret exists at the
// endpoint of its region only.
type secretClients struct {
	options []option.ClientOption
	clients map[string]*secretmanager.Client
}

func newSecretClients(options []option.ClientOption) secretClients {
	return secretClients{options, map[string]*secretmanager.Client{}}
}

// client returns the client for the version with this resource name; "" stands for any version
// without a region.
func (s secretClients) client(ctx context.Context, name string) (*secretmanager.Client, error) {
	endpoint := secrets.Endpoint(name)
	if c := s.clients[endpoint]; c != nil {
		return c, nil
	}
	var options []option.ClientOption
	if endpoint != "" {
		options = append(options, option.WithEndpoint(endpoint))
	}
	c, err := secretmanager.NewClient(ctx, append(options, s.options...)...)
	if err == nil {
		s.clients[endpoint] = c
	}
	return c, err
}

func (s secretClients) close() {
	for _, c := range s.clients {
		_ = c.Close()
	}
}

// references are the settings that refer to secrets.
var references = []string{"OKTA_API_TOKEN_SECRET", "OKTA_PRIVATE_KEY_SECRET", signingKey,
	"CALLER_KEYS_SECRET", "GUARDRAILS"}

// signingKey is the setting of the key that signs the signals.
const signingKey = "ITP_SIGNING_KEY_SECRET"

var resourceName = regexp.MustCompile(`^projects/[^/]+/(?:locations/[^/]+/)?secrets/[^/]+`)

// examineSecrets checks that the secrets exist and that the function can read them. It does not
// read their values.
func (f *Function) examineSecrets(ctx context.Context, s secretClients) {
	for _, setting := range references {
		text := strings.TrimSpace(f.env()[setting])
		if text == "" || setting == "GUARDRAILS" && strings.HasPrefix(text, "{") { // the policy itself
			continue
		}
		if secrets.CheckRef(text) != nil { // the text is not shown: it may be the secret itself
			f.find(checkSecrets, Skipped, "correct the setting, and run doctor again", "%s was not checked: it is not a "+
				"reference to a secret", setting)
			continue
		}
		f.examineSecret(ctx, s, setting, text)
	}
	f.passed(checkSecrets)
}

// examineSecret checks the secret of a setting.
func (f *Function) examineSecret(ctx context.Context, s secretClients, setting, text string) {
	const again = "check the permissions of your account, and run doctor again"
	if strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:") {
		f.find(checkSecrets, Failed, "store the secret in Secret Manager",
			"%s refers to a variable or a file, which is for local work only", setting)
		return
	}
	ref, err := secrets.ResourceName(text, f.env()["GOOGLE_CLOUD_PROJECT"])
	if err != nil {
		f.find(checkSecrets, Failed, "write the reference as projects/P/secrets/S/versions/V", "%s: %s", setting, err)
		return
	}
	client, err := s.client(ctx, ref)
	if err != nil {
		f.find(checkSecrets, Warning, again, "%s: %s could not be checked: signing in to Secret Manager: %s", setting, ref,
			err)
		return
	}
	version, err := client.GetSecretVersion(ctx, &secretmanagerpb.GetSecretVersionRequest{Name: ref})
	switch status.Code(err) {
	case codes.OK:
		if version.GetState() != secretmanagerpb.SecretVersion_ENABLED {
			f.find(checkSecrets, Failed, "enable it, or add a version", "%s: %s is %s", setting, version.GetName(),
				version.GetState())
		}
	case codes.NotFound:
		f.find(checkSecrets, Failed, "add a version (docs/deploy.md, section 5)", "%s: %s does not exist", setting, ref)
	default:
		f.find(checkSecrets, Warning, again, "%s: %s could not be checked: %s", setting, ref, secretRefusal(err))
		return
	}
	secret := resourceName.FindString(ref)
	member := "serviceAccount:" + f.deployed.GetServiceConfig().GetServiceAccountEmail()
	policy, err := client.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: secret})
	if err != nil {
		f.find(checkSecrets, Warning, again, "%s: the readers of %s could not be checked: %s", setting, secret,
			secretRefusal(err))
		return
	}
	if !slices.ContainsFunc(policy.GetBindings(), func(b *iampb.Binding) bool {
		return b.GetRole() == "roles/secretmanager.secretAccessor" && slices.Contains(b.GetMembers(), member)
	}) {
		f.find(checkSecrets, Failed,
			"grant roles/secretmanager.secretAccessor on this secret (on the project it would allow all secrets)",
			"%s: %s cannot read %s", setting, member, secret)
	}
}

// secretRefusal returns the message of a Secret Manager error, with the missing role if permission
// was denied.
func secretRefusal(err error) string {
	s := status.Convert(err)
	if s.Code() == codes.PermissionDenied {
		return "roles/secretmanager.viewer is needed (" + s.Message() + ")"
	}
	return s.Message()
}
