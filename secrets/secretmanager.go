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
)

// accessTimeout bounds one Get, its tries included: the client's own minute is longer than whoever contains an attack
// can wait.
const accessTimeout = 3 * time.Second

// SecretManager reads secrets from Google Secret Manager: references that name a project, and bare ones of its own. A
// secret with a location is asked for at that region's endpoint, the only one that has it. It connects at the first Get
// and is safe for concurrent use.
type SecretManager struct {
	project func() string
	options []option.ClientOption

	mu      sync.Mutex
	clients map[string]*secretmanager.Client // by endpoint
}

// NewSecretManager makes a SecretManager. project is asked for that of a reference without one.
func NewSecretManager(project func() string, options ...option.ClientOption) *SecretManager {
	return &SecretManager{project: project, options: options, clients: map[string]*secretmanager.Client{}}
}

// Get calls projects.secrets.versions.access, over and over for at most 3 seconds while Secret Manager fails to answer
// or the answer's checksum is not that of its payload.
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
		return Value{}, failed(ref, fmt.Errorf("%w: there are no Google credentials to read it with: %w", ErrDenied, err))
	}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		answer, err := access(ctx, client, name)
		switch {
		case err == nil:
			return value(name, answer.GetName(), string(answer.GetPayload().GetData()))
		case Terminal(err):
			return Value{}, failed(name, err)
		}
		select {
		case <-ctx.Done():
			return Value{}, failed(name, fmt.Errorf("%w: %w", ctx.Err(), err))
		case <-time.After(pause):
		}
	}
}

// name is the resource name that a reference stands for.
func (s *SecretManager) name(ctx context.Context, ref string) (string, error) {
	if _, err := locate(ctx, ref, ""); err != nil {
		return "", err
	}
	return ResourceName(ref, s.project())
}

// ResourceName is the name that Secret Manager knows the version behind a reference by. project is that of a reference
// without one. An error is ErrUnsupported: ref is no reference, or not one to Secret Manager.
func ResourceName(ref, project string) (string, error) {
	name := ref
	switch err := CheckRef(ref); {
	case err != nil:
		return "", err
	case fullRef.MatchString(name):
		return name, nil
	case !idRef.MatchString(name):
		return "", failed(ref, fmt.Errorf("%w: want the name of a secret", ErrUnsupported))
	}
	if project == "" {
		return "", failed(ref, fmt.Errorf("%w: it names no project, and GOOGLE_CLOUD_PROJECT is not set", ErrUnsupported))
	}
	if !strings.Contains(name, "/versions/") {
		name += "/versions/latest"
	}
	name = "projects/" + project + "/secrets/" + name
	if !fullRef.MatchString(name) {
		return "", failed(ref, fmt.Errorf("%w: GOOGLE_CLOUD_PROJECT is not the id or number of a project", ErrUnsupported))
	}
	return name, nil
}

// Endpoint is the address that serves the version of a resource name: its region's where it has one, "" for the
// client's own.
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
	// The client outlives the call that makes it.
	c, err := secretmanager.NewClient(context.WithoutCancel(ctx), append(options, s.options...)...)
	if err == nil {
		c.CallOptions.AccessSecretVersion = nil // its retries begin after 2 seconds
		s.clients[endpoint] = c
	}
	return c, err
}

// Close ends the connections.
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

// access returns an answer whose payload is whole, with the name of the version that it is of.
func access(ctx context.Context, client *secretmanager.Client, name string) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	answer, err := client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: name})
	switch status.Code(err) {
	case codes.OK:
	case codes.NotFound:
		return nil, fmt.Errorf("%w: there is no such secret, or no such version of it", ErrNotFound)
	case codes.PermissionDenied:
		return nil, fmt.Errorf("%w: the function's service account needs roles/secretmanager.secretAccessor on this secret", ErrDenied)
	case codes.Unauthenticated:
		return nil, fmt.Errorf("%w: Google does not accept the credentials that it is read with", ErrDenied)
	case codes.FailedPrecondition:
		return nil, fmt.Errorf("%w: enable this version or use another", ErrDisabled)
	case codes.InvalidArgument:
		return nil, fmt.Errorf("%w: Secret Manager does not accept the name", ErrUnsupported)
	default:
		return nil, err
	}
	payload := answer.GetPayload()
	if payload.DataCrc32C != nil && int64(crc32.Checksum(payload.GetData(), castagnoli)) != payload.GetDataCrc32C() {
		return nil, errors.New("the payload arrived damaged: its checksum is another")
	}
	return answer, nil
}
