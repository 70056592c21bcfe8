package secrets

import (
	"context"
	"errors"
	"hash/crc32"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// manager is Secret Manager, of which only versions can be accessed.
type manager struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer

	mu       sync.Mutex
	versions map[string]string // payloads by resource name
	spoil    []func(*secretmanagerpb.AccessSecretVersionResponse) error
	asked    []string
}

func (m *manager) AccessSecretVersion(_ context.Context, r *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, r.Name)
	payload, ok := m.versions[r.Name]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "Secret [%s] not found or has no versions.", r.Name)
	}
	sum := int64(crc32.Checksum([]byte(payload), crc32.MakeTable(crc32.Castagnoli)))
	answer := &secretmanagerpb.AccessSecretVersionResponse{Name: r.Name, Payload: &secretmanagerpb.SecretPayload{Data: []byte(payload), DataCrc32C: &sum}}
	if len(m.spoil) > 0 {
		spoil := m.spoil[0]
		m.spoil = m.spoil[1:]
		if err := spoil(answer); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// refusal answers with an error of Secret Manager's.
func refusal(code codes.Code) func(*secretmanagerpb.AccessSecretVersionResponse) error {
	return func(*secretmanagerpb.AccessSecretVersionResponse) error {
		return status.Error(code, "as it is told here")
	}
}

// dial starts the service on loopback and returns how the real client reaches it.
func (m *manager) dial(t *testing.T) []option.ClientOption {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	secretmanagerpb.RegisterSecretManagerServiceServer(server, m)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return []option.ClientOption{
		option.WithEndpoint(listener.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// direct returns how the real client reaches the service without a network; seen is told of the address that it would
// have called.
func (m *manager) direct(seen func(address string)) []option.ClientOption {
	return []option.ClientOption{
		option.WithoutAuthentication(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		option.WithGRPCDialOption(grpc.WithResolvers( // which find no address
			manual.NewBuilderWithScheme("dns"), manual.NewBuilderWithScheme("passthrough"))),
		option.WithGRPCDialOption(grpc.WithUnaryInterceptor(func(ctx context.Context, _ string, request, reply any, cc *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
			if seen != nil {
				seen(cc.Target())
			}
			answer, err := m.AccessSecretVersion(ctx, request.(*secretmanagerpb.AccessSecretVersionRequest))
			if err == nil {
				proto.Merge(reply.(proto.Message), answer)
			}
			return err
		})),
	}
}

func opened(t *testing.T, project string, options []option.ClientOption) *SecretManager {
	s := NewSecretManager(func() string { return project }, options...)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func openManager(ref func(name string) string) store {
	return func(t *testing.T, content map[string]string) (Source, func(string) string) {
		m := &manager{versions: map[string]string{}}
		for name, value := range content {
			m.versions["projects/acme/secrets/"+name+"/versions/latest"] = value
		}
		return opened(t, "acme", m.dial(t)), ref
	}
}

func TestSecretManagerIsAskedForTheVersionThatTheReferenceNames(t *testing.T) {
	t.Parallel()
	const global = "secretmanager.googleapis.com:443"
	for ref, want := range map[string]struct{ name, endpoint string }{
		"token":            {"projects/acme/secrets/token/versions/latest", global},
		"token/versions/3": {"projects/acme/secrets/token/versions/3", global},
		"projects/123/secrets/token/versions/latest": {"projects/123/secrets/token/versions/latest", global},
		"projects/other/locations/europe-west3/secrets/token/versions/7": {
			"projects/other/locations/europe-west3/secrets/token/versions/7", "secretmanager.europe-west3.rep.googleapis.com:443"},
	} {
		t.Run(ref, func(t *testing.T) {
			t.Parallel()
			m := &manager{versions: map[string]string{want.name: hidden}}
			var endpoint string
			got, err := opened(t, "acme", m.direct(func(address string) { endpoint = address })).Get(t.Context(), ref)
			if err != nil || got.Reveal() != hidden {
				t.Fatal(err)
			}
			if !slices.Equal(m.asked, []string{want.name}) || !strings.HasSuffix(endpoint, want.endpoint) {
				t.Errorf("%s was asked for %v", endpoint, m.asked)
			}
		})
	}
}

func TestABareReferenceNeedsAProject(t *testing.T) {
	t.Parallel()
	for project, say := range map[string]string{"": "GOOGLE_CLOUD_PROJECT is not set", "Acme Inc": "GOOGLE_CLOUD_PROJECT is not the id or number of a project"} {
		m := &manager{}
		got, err := opened(t, project, m.direct(nil)).Get(t.Context(), "token")
		refused(t, got, err, ErrUnsupported, "token")
		if !strings.Contains(err.Error(), say) || len(m.asked) > 0 {
			t.Errorf("error %q; asked for %v", err, m.asked)
		}
	}
}

// TestWhatOnlyAnOperatorCanMendIsNotTriedAgain: and it is told which version, and what is missing.
func TestWhatOnlyAnOperatorCanMendIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	const name = "projects/acme/secrets/token/versions/4"
	for code, want := range map[codes.Code]struct {
		err error
		say string
	}{
		codes.NotFound:           {ErrNotFound, "no such version"},
		codes.PermissionDenied:   {ErrDenied, "roles/secretmanager.secretAccessor"},
		codes.Unauthenticated:    {ErrDenied, "credentials"},
		codes.FailedPrecondition: {ErrDisabled, "enable this version"},
		codes.InvalidArgument:    {ErrUnsupported, "does not accept the name"},
	} {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			m := &manager{versions: map[string]string{name: hidden}}
			m.spoil = append(m.spoil, refusal(code))
			got, err := opened(t, "acme", m.dial(t)).Get(t.Context(), "token/versions/4")
			refused(t, got, err, want.err, name)
			if !Terminal(err) || !strings.Contains(err.Error(), want.say) || len(m.asked) != 1 {
				t.Errorf("error %q after %d tries", err, len(m.asked))
			}
		})
	}
}

func TestSecretManagerIsAskedAgainWithinThreeSeconds(t *testing.T) {
	t.Parallel()
	damage := func(a *secretmanagerpb.AccessSecretVersionResponse) error { a.Payload.Data[0]++; return nil }
	for name, c := range map[string]struct {
		spoil  func(*secretmanagerpb.AccessSecretVersionResponse) error
		times  int
		within time.Duration // 0: it does not come
	}{
		"down for a moment":        {refusal(codes.Unavailable), 3, time.Second},
		"a payload damaged once":   {damage, 1, time.Second},
		"an internal error":        {refusal(codes.Internal), 2, time.Second},
		"more than it can serve":   {refusal(codes.ResourceExhausted), 2, time.Second},
		"down for good":            {refusal(codes.Unavailable), 1000, 0},
		"a payload always damaged": {damage, 1000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &manager{versions: map[string]string{"projects/acme/secrets/token/versions/latest": hidden}}
				m.spoil = slices.Repeat([]func(*secretmanagerpb.AccessSecretVersionResponse) error{c.spoil}, c.times)
				begun := time.Now()
				got, err := opened(t, "acme", m.direct(nil)).Get(t.Context(), "token")
				took := time.Since(begun)
				if c.within == 0 {
					refused(t, got, err, context.DeadlineExceeded, "projects/acme/secrets/token/versions/latest")
					if took != 3*time.Second || Terminal(err) {
						t.Errorf("after %s: %v", took, err)
					}
				} else if err != nil || got.Reveal() != hidden || took > c.within {
					t.Errorf("after %s: %v", took, err)
				}
			})
		})
	}
}

func TestAnAnswerThatDoesNotComeEndsWithTheCallersContext(t *testing.T) {
	t.Parallel()
	m := &manager{versions: map[string]string{"projects/acme/secrets/token/versions/latest": hidden}}
	ctx, cancel := context.WithCancel(t.Context())
	m.spoil = append(m.spoil, func(*secretmanagerpb.AccessSecretVersionResponse) error {
		cancel()
		return status.Error(codes.Unavailable, "down")
	})
	got, err := opened(t, "acme", m.dial(t)).Get(ctx, "token")
	if !errors.Is(err, context.Canceled) || !got.IsZero() || len(m.asked) != 1 {
		t.Errorf("error %v after %d tries", err, len(m.asked))
	}
}
