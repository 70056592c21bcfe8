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
var references = []string{"OKTA_API_TOKEN_SECRET", "OKTA_PRIVATE_KEY_SECRET", "ITP_SIGNING_KEY_SECRET",
	"CALLER_KEYS_SECRET"}

var resourceName = regexp.MustCompile(`^projects/[^/]+/(?:locations/[^/]+/)?secrets/[^/]+`)

// examineSecrets checks that the secrets exist and that the function can read them. It does not
// read their values.
func (f *Function) examineSecrets(ctx context.Context, s secretClients) {
	service := f.deployed.GetServiceConfig()
	env := service.GetEnvironmentVariables()
	for _, setting := range references {
		ref := env[setting]
		// An invalid reference is already a finding. It is not shown: it may be the secret itself.
		if ref == "" || secrets.CheckRef(ref) != nil {
			continue
		}
		if strings.HasPrefix(ref, "env:") || strings.HasPrefix(ref, "file:") {
			f.find(Error, "%s refers to a variable or a file, which is for local work only: store the secret in Secret Manager",
				setting)
			continue
		}
		ref, err := secrets.ResourceName(ref, env["GOOGLE_CLOUD_PROJECT"])
		if err != nil {
			f.find(Error, "%s: %s", setting, err)
			continue
		}
		client, err := s.client(ctx, ref)
		if err != nil {
			f.find(Warning, "%s: %s could not be checked: signing in to Secret Manager: %s", setting, ref, err)
			continue
		}
		version, err := client.GetSecretVersion(ctx, &secretmanagerpb.GetSecretVersionRequest{Name: ref})
		switch status.Code(err) {
		case codes.OK:
			if version.GetState() != secretmanagerpb.SecretVersion_ENABLED {
				f.find(Error, "%s: %s is %s: enable it, or add a version", setting, version.GetName(), version.GetState())
			}
		case codes.NotFound:
			f.find(Error, "%s: %s does not exist: add a version (docs/deploy.md)", setting, ref)
		default:
			f.find(Warning, "%s: %s could not be checked: %s", setting, ref, secretRefusal(err))
			continue
		}
		f.examineReader(ctx, client, setting, resourceName.FindString(ref),
			"serviceAccount:"+service.GetServiceAccountEmail())
	}
}

// examineReader checks that the function has the role to read a secret.
func (f *Function) examineReader(ctx context.Context, client *secretmanager.Client, setting, secret, member string) {
	policy, err := client.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: secret})
	if err != nil {
		f.find(Warning, "%s: the readers of %s could not be checked: %s", setting, secret, secretRefusal(err))
		return
	}
	for _, b := range policy.GetBindings() {
		if b.GetRole() == "roles/secretmanager.secretAccessor" && slices.Contains(b.GetMembers(), member) {
			return
		}
	}
	f.find(Error, "%s: %s cannot read %s: grant roles/secretmanager.secretAccessor on this secret (on the project it "+
		"would allow all secrets)",
		setting, member, secret)
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
