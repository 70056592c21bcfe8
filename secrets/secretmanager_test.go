package secrets

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/okta-secops/test/fakegcp"
)

// served starts the service on loopback and returns the options of a client for it.
func served(t *testing.T, m *fakegcp.SecretManager) []option.ClientOption {
	t.Helper()
	options, stop, err := m.Serve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return options
}

// withFourVersions returns a Secret Manager with one secret, whose fourth version is hidden.
func withFourVersions(secret string) *fakegcp.SecretManager {
	m := &fakegcp.SecretManager{}
	for _, payload := range []string{"the first", "the second", "the third", hidden} {
		m.Add(secret, payload)
	}
	return m
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

func openManager(ref func(name string) string) openSource {
	return func(t *testing.T, content map[string]string) (Source, func(string) string) {
		m := &fakegcp.SecretManager{}
		for name, value := range content {
			m.Add("projects/acme/secrets/"+name, value)
		}
		return opened(t, "acme", served(t, m)), ref
	}
}

func TestSecretManager_ReadsVersionOfReference(t *testing.T) {
	t.Parallel()
	const global = "secretmanager.googleapis.com:443"
	for ref, want := range map[string]struct{ name, endpoint string }{
		"token":            {"projects/acme/secrets/token/versions/latest", global},
		"token/versions/4": {"projects/acme/secrets/token/versions/4", global},
		"projects/123/secrets/token/versions/latest": {"projects/123/secrets/token/versions/latest", global},
		"projects/other/locations/europe-west3/secrets/token/versions/4": {
			"projects/other/locations/europe-west3/secrets/token/versions/4",
			"secretmanager.europe-west3.rep.googleapis.com:443"},
	} {
		t.Run(ref, func(t *testing.T) {
			t.Parallel()
			secret, _, _ := strings.Cut(want.name, "/versions/")
			m := withFourVersions(secret)
			var endpoint string
			got, err := opened(t, "acme", m.Direct(func(address string) { endpoint = address })).Get(t.Context(), ref)
			if err != nil || got.Reveal() != hidden {
				t.Fatal(err)
			}
			if asked := m.Asked(); !slices.Equal(asked, []string{want.name}) || !strings.HasSuffix(endpoint, want.endpoint) {
				t.Errorf("%s was asked for %v", endpoint, asked)
			}
			if version := secret + "/versions/4"; got.Version() != version {
				t.Errorf("version %s, want %s", got.Version(), version)
			}
		})
	}
}

func TestSecretManager_NameWithoutProjectNeedsDefault(t *testing.T) {
	t.Parallel()
	for project, say := range map[string]string{
		"":         "it does not name a project, and GOOGLE_CLOUD_PROJECT is not set",
		"Acme Inc": "GOOGLE_CLOUD_PROJECT is not the ID or number of a project",
	} {
		m := &fakegcp.SecretManager{}
		got, err := opened(t, project, m.Direct(nil)).Get(t.Context(), "token")
		refused(t, got, err, ErrUnsupported, "token")
		if asked := m.Asked(); !strings.Contains(err.Error(), say) || len(asked) > 0 {
			t.Errorf("error %q; asked for %v", err, asked)
		}
	}
}

// The error names the version and the required change.
func TestSecretManager_TerminalErrorsAreNotRetried(t *testing.T) {
	t.Parallel()
	const name = "projects/acme/secrets/token/versions/4"
	for code, want := range map[codes.Code]struct {
		err error
		say string
	}{
		codes.NotFound:           {ErrNotFound, "the secret or this version of it does not exist"},
		codes.PermissionDenied:   {ErrDenied, "roles/secretmanager.secretAccessor"},
		codes.Unauthenticated:    {ErrDenied, "Google rejects the credentials of the function"},
		codes.FailedPrecondition: {ErrDisabled, "enable this version"},
		codes.InvalidArgument:    {ErrUnsupported, "Secret Manager rejects the name"},
	} {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			m := withFourVersions("projects/acme/secrets/token")
			m.Spoil(fakegcp.Refuse(code))
			got, err := opened(t, "acme", served(t, m)).Get(t.Context(), "token/versions/4")
			refused(t, got, err, want.err, name)
			if tries := len(m.Asked()); !Terminal(err) || !strings.Contains(err.Error(), want.say) || tries != 1 {
				t.Errorf("error %q after %d attempts", err, tries)
			}
		})
	}
}

func TestSecretManager_RetriesForThreeSeconds(t *testing.T) {
	t.Parallel()
	damage := func(a *secretmanagerpb.AccessSecretVersionResponse) error { a.Payload.Data[0]++; return nil }
	for name, c := range map[string]struct {
		spoil  fakegcp.Spoil
		times  int
		within time.Duration // 0: Get fails
	}{
		"temporarily down":         {fakegcp.Refuse(codes.Unavailable), 3, time.Second},
		"a payload damaged once":   {damage, 1, time.Second},
		"an internal error":        {fakegcp.Refuse(codes.Internal), 2, time.Second},
		"quota exhausted":          {fakegcp.Refuse(codes.ResourceExhausted), 2, time.Second},
		"permanently down":         {fakegcp.Refuse(codes.Unavailable), 1000, 0},
		"a payload always damaged": {damage, 1000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := withFourVersions("projects/acme/secrets/token")
				m.Spoil(slices.Repeat([]fakegcp.Spoil{c.spoil}, c.times)...)
				begun := time.Now()
				got, err := opened(t, "acme", m.Direct(nil)).Get(t.Context(), "token")
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

func TestSecretManager_EndsWithContext(t *testing.T) {
	t.Parallel()
	m := withFourVersions("projects/acme/secrets/token")
	ctx, cancel := context.WithCancel(t.Context())
	m.Spoil(func(*secretmanagerpb.AccessSecretVersionResponse) error {
		cancel()
		return status.Error(codes.Unavailable, "down")
	})
	got, err := opened(t, "acme", served(t, m)).Get(ctx, "token")
	if tries := len(m.Asked()); !errors.Is(err, context.Canceled) || !got.IsZero() || tries != 1 {
		t.Errorf("error %v after %d attempts", err, tries)
	}
}
