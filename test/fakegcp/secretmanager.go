// Package fakegcp serves Google's APIs in process, for the real clients to call.
package fakegcp

import (
	"context"
	"fmt"
	"hash/crc32"
	"net"
	"slices"
	"strings"
	"sync"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// SecretManager is Google Secret Manager, as far as it is read from: secrets have versions, of which latest is the last
// one added. The zero SecretManager has no secrets.
type SecretManager struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer

	mu      sync.Mutex
	secrets map[string][]version // by resource name
	readers map[string][]string  // of each, as IAM members
	spoil   []Spoil
	down    bool
	denied  bool
	hidden  bool
	asked   []string
}

type version struct {
	payload  string
	disabled bool
}

// Spoil changes an answer, or gives an error in its place.
type Spoil func(*secretmanagerpb.AccessSecretVersionResponse) error

// Refuse gives an error of this code.
func Refuse(code codes.Code) Spoil {
	return func(*secretmanagerpb.AccessSecretVersionResponse) error {
		return status.Error(code, "refused by the test")
	}
}

// Add adds a version to a secret, named as projects/P/secrets/S.
func (m *SecretManager) Add(secret, payload string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.secrets == nil {
		m.secrets = map[string][]version{}
	}
	m.secrets[secret] = append(m.secrets[secret], version{payload: payload})
}

// Create creates a secret without a version.
func (m *SecretManager) Create(secret string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.secrets == nil {
		m.secrets = map[string][]version{}
	}
	m.secrets[secret] = nil
}

// AddSecretVersion implements the service.
func (m *SecretManager) AddSecretVersion(_ context.Context, r *secretmanagerpb.AddSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	m.mu.Lock()
	_, exists := m.secrets[r.Parent]
	denied := m.denied
	m.mu.Unlock()
	switch {
	case denied:
		return nil, status.Errorf(codes.PermissionDenied, "Permission 'secretmanager.versions.add' denied for resource '%s' (or it may not exist).", r.Parent)
	case !exists:
		return nil, status.Errorf(codes.NotFound, "Secret [%s] not found.", r.Parent)
	case r.Payload.GetDataCrc32C() != int64(crc32.Checksum(r.Payload.GetData(), crc32.MakeTable(crc32.Castagnoli))):
		return nil, status.Error(codes.InvalidArgument, "The payload does not match its checksum.")
	}
	m.Add(r.Parent, string(r.Payload.GetData()))
	return m.GetSecretVersion(context.Background(), &secretmanagerpb.GetSecretVersionRequest{Name: r.Parent + "/versions/latest"})
}

// Disable disables the last version of a secret.
func (m *SecretManager) Disable(secret string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	versions := m.secrets[secret]
	versions[len(versions)-1].disabled = true
}

// SetDown makes all answers fail, or ends that.
func (m *SecretManager) SetDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

// SetDenied takes the role to read secrets away from everyone, or gives it back.
func (m *SecretManager) SetDenied(denied bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.denied = denied
}

// HidePolicies removes the permission to read the IAM policies of secrets.
func (m *SecretManager) HidePolicies() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hidden = true
}

// Spoil spoils the next answers, each in its way.
func (m *SecretManager) Spoil(next ...Spoil) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spoil = append(m.spoil, next...)
}

// Asked are the versions that were asked for, in order.
func (m *SecretManager) Asked() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.asked)
}

// AccessSecretVersion implements the service.
func (m *SecretManager) AccessSecretVersion(_ context.Context, r *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, r.Name)
	switch {
	case m.down:
		return nil, status.Error(codes.Unavailable, "The service is currently unavailable.")
	case m.denied:
		return nil, status.Errorf(codes.PermissionDenied, "Permission 'secretmanager.versions.access' denied for resource '%s' (or it may not exist).", r.Name)
	}
	v, name, err := m.find(r.Name)
	if err != nil {
		return nil, err
	}
	if v.disabled {
		return nil, status.Errorf(codes.FailedPrecondition, "Secret Version [%s] is in DISABLED state.", name)
	}
	sum := int64(crc32.Checksum([]byte(v.payload), crc32.MakeTable(crc32.Castagnoli)))
	answer := &secretmanagerpb.AccessSecretVersionResponse{Name: name, Payload: &secretmanagerpb.SecretPayload{Data: []byte(v.payload), DataCrc32C: &sum}}
	if len(m.spoil) > 0 {
		spoil := m.spoil[0]
		m.spoil = m.spoil[1:]
		if err := spoil(answer); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// Grant lets a member read a secret.
func (m *SecretManager) Grant(secret, member string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.readers == nil {
		m.readers = map[string][]string{}
	}
	m.readers[secret] = append(m.readers[secret], member)
}

// GetSecretVersion implements the service.
func (m *SecretManager) GetSecretVersion(_ context.Context, r *secretmanagerpb.GetSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.denied {
		return nil, status.Errorf(codes.PermissionDenied, "Permission 'secretmanager.versions.get' denied for resource '%s' (or it may not exist).", r.Name)
	}
	v, name, err := m.find(r.Name)
	if err != nil {
		return nil, err
	}
	state := secretmanagerpb.SecretVersion_ENABLED
	if v.disabled {
		state = secretmanagerpb.SecretVersion_DISABLED
	}
	return &secretmanagerpb.SecretVersion{Name: name, State: state}, nil
}

// GetIamPolicy implements the service.
func (m *SecretManager) GetIamPolicy(_ context.Context, r *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hidden {
		return nil, status.Errorf(codes.PermissionDenied, "Permission 'secretmanager.secrets.getIamPolicy' denied for resource '%s' (or it may not exist).", r.Resource)
	}
	return &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/secretmanager.secretAccessor", Members: m.readers[r.Resource]}}}, nil
}

// find is a version by its name, which may say latest, and its own name.
func (m *SecretManager) find(asked string) (version, string, error) {
	secret, id, _ := strings.Cut(asked, "/versions/")
	versions := m.secrets[secret]
	n := len(versions)
	if id != "latest" {
		n = 0
		_, _ = fmt.Sscan(id, &n)
	}
	if n < 1 || n > len(versions) {
		return version{}, "", status.Errorf(codes.NotFound, "Secret Version [%s] not found.", asked)
	}
	return versions[n-1], fmt.Sprintf("%s/versions/%d", secret, n), nil
}

// Serve starts the service on loopback. It returns how the real client reaches it, and what ends it.
func (m *SecretManager) Serve() (options []option.ClientOption, stop func(), err error) {
	return serve(func(s *grpc.Server) { secretmanagerpb.RegisterSecretManagerServiceServer(s, m) })
}

// serve starts a service on loopback.
func serve(register func(*grpc.Server)) (options []option.ClientOption, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	server := grpc.NewServer()
	register(server)
	go func() { _ = server.Serve(listener) }()
	return append(plain(), option.WithEndpoint(listener.Addr().String())), server.Stop, nil
}

// Direct returns how the real client reaches the service without a network, in a test whose time is not the machine's;
// seen receives the address that would have been called.
func (m *SecretManager) Direct(seen func(address string)) []option.ClientOption {
	return append(plain(),
		option.WithGRPCDialOption(grpc.WithResolvers( // which find no address
			manual.NewBuilderWithScheme("dns"), manual.NewBuilderWithScheme("passthrough"))),
		option.WithGRPCDialOption(grpc.WithUnaryInterceptor(func(ctx context.Context, _ string, request, reply any, cc *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
			if seen != nil {
				seen(cc.Target())
			}
			answer, err := m.answer(ctx, request)
			if err == nil {
				proto.Merge(reply.(proto.Message), answer)
			}
			return err
		})),
	)
}

// answer calls the method that takes the request.
func (m *SecretManager) answer(ctx context.Context, request any) (proto.Message, error) {
	switch r := request.(type) {
	case *secretmanagerpb.AccessSecretVersionRequest:
		return m.AccessSecretVersion(ctx, r)
	case *secretmanagerpb.AddSecretVersionRequest:
		return m.AddSecretVersion(ctx, r)
	case *secretmanagerpb.GetSecretVersionRequest:
		return m.GetSecretVersion(ctx, r)
	case *iampb.GetIamPolicyRequest:
		return m.GetIamPolicy(ctx, r)
	}
	return nil, status.Errorf(codes.Unimplemented, "nobody serves %T", request)
}

// plain is a connection without identity and encryption.
func plain() []option.ClientOption {
	return []option.ClientOption{
		option.WithoutAuthentication(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}
