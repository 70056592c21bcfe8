package secrets

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"time"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/okta-secops/internal/backoff"
)

// accessTimeout limits one Get, retries included. The default of the client, one minute, is too
// long for an analyst who contains an attack.
const accessTimeout = 3 * time.Second

// accessPause is the pause between attempts, at most one second.
const accessPause = backoff.Exponential(50 * time.Millisecond)

// SecretManager reads secrets from Google Secret Manager. It reads a regional secret from the
// endpoint of its region. It connects at the first Get and is safe for concurrent use.
type SecretManager struct {
	project func() string
	options []option.ClientOption

	mu      sync.Mutex
	clients map[string]*secretmanager.Client // by endpoint
}

// NewSecretManager returns a SecretManager. project returns the project of references that do not
// name one.
func NewSecretManager(project func() string, options ...option.ClientOption) *SecretManager {
	return &SecretManager{project: project, options: options, clients: map[string]*secretmanager.Client{}}
}

// Get calls projects.secrets.versions.access. It retries transient errors and responses with a
// wrong checksum for up to 3 seconds.
// https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
func (s *SecretManager) Get(ctx context.Context, ref string) (Value, error) {
	name, err := s.name(ctx, ref)
	if err != nil {
		return Value{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, accessTimeout)
	defer cancel()
	client, err := s.client(ctx, Endpoint(name))
	if err != nil {
		return Value{}, failed(ref, fmt.Errorf("%w: no Google credentials were found: %w", ErrDenied, err))
	}
	for attempts := 1; ; attempts++ {
		version, err := access(ctx, client, name)
		switch {
		case err == nil:
			return value(name, version.GetName(), string(version.GetPayload().GetData()))
		case Terminal(err):
			return Value{}, failed(name, err)
		}
		select {
		case <-ctx.Done():
			return Value{}, failed(name, fmt.Errorf("%w: %w", ctx.Err(), err))
		case <-time.After(min(accessPause.Jittered(attempts), time.Second)):
		}
	}
}

// name returns the resource name of a reference.
func (s *SecretManager) name(ctx context.Context, ref string) (string, error) {
	if _, err := locate(ctx, ref, ""); err != nil {
		return "", err
	}
	return ResourceName(ref, s.project())
}

// ResourceName returns the resource name in Secret Manager of the version that ref names, or of the
// latest version. It uses project for a reference that does not name one. The error is
// ErrUnsupported if ref is not a reference to Secret Manager.
func ResourceName(ref, project string) (string, error) {
	name := ref
	switch err := CheckRef(ref); {
	case err != nil:
		return "", err
	case fullRef.MatchString(name):
		return name, nil
	case !idRef.MatchString(name):
		return "", failed(ref, fmt.Errorf("%w: use the name of a secret in Secret Manager", ErrUnsupported))
	}
	if project == "" {
		return "", failed(ref, fmt.Errorf("%w: it does not name a project, and GOOGLE_CLOUD_PROJECT is not set",
			ErrUnsupported))
	}
	if !strings.Contains(name, "/versions/") {
		name += "/versions/latest"
	}
	name = "projects/" + project + "/secrets/" + name
	if !fullRef.MatchString(name) {
		return "", failed(ref, fmt.Errorf("%w: GOOGLE_CLOUD_PROJECT is not the ID or number of a project", ErrUnsupported))
	}
	return name, nil
}

// Endpoint returns the address that serves a resource name: that of its region, or "" for the
// default of the client.
func Endpoint(name string) string {
	if m := fullRef.FindStringSubmatch(name); m != nil && m[1] != "" {
		return "secretmanager." + m[1] + ".rep.googleapis.com:443"
	}
	return ""
}

func (s *SecretManager) client(ctx context.Context, endpoint string) (*secretmanager.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clients[endpoint]; c != nil {
		return c, nil
	}
	var options []option.ClientOption
	if endpoint != "" {
		options = append(options, option.WithEndpoint(endpoint))
	}
	// The client outlives ctx.
	c, err := secretmanager.NewClient(context.WithoutCancel(ctx), append(options, s.options...)...)
	if err == nil {
		c.CallOptions.AccessSecretVersion = nil // its first retry is after 2 seconds
		s.clients[endpoint] = c
	}
	return c, err
}

// Close closes the connections and returns the errors of the clients.
func (s *SecretManager) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for endpoint, c := range s.clients {
		err = errors.Join(err, c.Close())
		delete(s.clients, endpoint)
	}
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// access returns the response for one version after it has verified the checksum of the payload.
func access(ctx context.Context, client *secretmanager.Client, name string) (
	*secretmanagerpb.AccessSecretVersionResponse, error,
) {
	response, err := client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: name})
	switch status.Code(err) {
	case codes.OK:
	case codes.NotFound:
		return nil, fmt.Errorf("%w: the secret or this version of it does not exist", ErrNotFound)
	case codes.PermissionDenied:
		return nil, fmt.Errorf("%w: the function's service account needs roles/secretmanager.secretAccessor "+
			"on this secret", ErrDenied)
	case codes.Unauthenticated:
		return nil, fmt.Errorf("%w: Google rejects the credentials of the function", ErrDenied)
	case codes.FailedPrecondition:
		return nil, fmt.Errorf("%w: enable this version or use another", ErrDisabled)
	case codes.InvalidArgument:
		return nil, fmt.Errorf("%w: Secret Manager rejects the name", ErrUnsupported)
	default:
		return nil, err
	}
	payload := response.GetPayload()
	if payload.DataCrc32C != nil && int64(crc32.Checksum(payload.GetData(), castagnoli)) != payload.GetDataCrc32C() {
		return nil, errors.New("the payload does not match its checksum")
	}
	return response, nil
}
