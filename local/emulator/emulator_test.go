package emulator_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"example.com/okta-secops/local/emulator"
	"github.com/google/go-cmp/cmp"
)

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

// sendWith sends a request that ends with the context.
func sendWith(ctx context.Context, o *org, method, path string) error {
	req, err := http.NewRequestWithContext(ctx, method, o.url+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "SSWS "+emulator.DefaultToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// occupy repeats a request until it hangs. The channel receives its error after the end of the
// context.
func occupy(ctx context.Context, o *org, method, path string) <-chan error {
	done := make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			err = sendWith(ctx, o, method, path)
		}
		done <- err
	}()
	return done
}

func TestToken_IsRequired(t *testing.T) {
	t.Parallel()
	o := start(t)
	for _, authorization := range []string{"", "SSWS wrong", "Bearer " + emulator.DefaultToken, emulator.DefaultToken} {
		a, err := o.send("GET", o.url+"/api/v1/users", "", "Authorization", authorization)
		if err != nil || a.status != 401 || a.code() != "E0000011" {
			t.Errorf("%q: %d %s %v", authorization, a.status, a.body, err)
		}
	}
	a, err := o.send("GET", o.url+"/.well-known/okta-organization", "")
	if err != nil || a.status != 200 || !strings.Contains(a.body, `"pipeline":"idx"`) {
		t.Errorf("%d %s %v", a.status, a.body, err)
	}
}

func TestUnknownRoutes_AreOktaErrorsAndRecorded(t *testing.T) {
	t.Parallel()
	o := start(t)
	for _, call := range [][2]string{
		{"GET", "/api/v1/apps"},
		{"PUT", "/api/v1/users/alice"},
		{"POST", "/api/v1/users//lifecycle/deactivate"},
		{"POST", "/oauth2/default/v1/token"},
	} {
		a, err := o.send(call[0], o.url+call[1], "")
		if err != nil || a.status != 404 || a.code() != "E0000008" {
			t.Errorf("%v: %d %s %v", call, a.status, a.body, err)
		}
	}
	o.Reset()
	if diff := cmp.Diff([]string{"GET /api/v1/apps", "PUT /api/v1/users/alice", "POST /api/v1/users//lifecycle/deactivate",
		"POST /oauth2/default/v1/token"}, o.UnknownRoutes()); diff != "" {
		t.Error(diff)
	}
}

func TestSeed_HasDocumentedUsers(t *testing.T) {
	t.Parallel()
	o := start(t)
	for login, status := range map[string]string{
		"alice": "ACTIVE", "bob": "ACTIVE", "carol": "SUSPENDED", "dave": "DEPROVISIONED", "erin": "LOCKED_OUT",
		"frank": "STAGED",
		"grace": "PASSWORD_EXPIRED", "heidi": "PROVISIONED", "ivan": "RECOVERY", "admin": "ACTIVE", "helpdesk": "ACTIVE",
		"breakglass": "ACTIVE",
	} {
		if got := o.user(login + "@acme.test"); got.Status != status || got.Email != login+"@acme.test" ||
			len(got.ID) != 20 || got.ID[:3] != "00u" {
			t.Errorf("%+v", got)
		}
	}
	engineering, _ := o.Group("Engineering")
	if !cmp.Equal(engineering.Members, []string{"alice@acme.test", "bob@acme.test"}) {
		t.Error(engineering)
	}
	if got := o.user("helpdesk"); got.Roles != nil || len(got.RoleAssignments) != 1 ||
		got.RoleAssignments[0].AssignmentType != "GROUP" {
		t.Errorf("%+v", got)
	}
}

func TestEmulator_IsDeterministic(t *testing.T) {
	t.Parallel()
	o := start(t)
	run := func() string {
		o.Reset()
		var all strings.Builder
		for _, call := range [][3]string{
			{"GET", "/api/v1/users?limit=5", ""},
			{"POST", "/api/v1/users/alice/lifecycle/suspend", ""},
			{"POST", "/api/v1/users/alice/lifecycle/suspend", ""}, // an error
			{"GET", "/api/v1/users/alice", ""},
			{"POST", "/api/v1/users/frank/lifecycle/activate?sendEmail=false", ""},
			{"POST", "/api/v1/groups", `{"profile":{"name":"New"}}`},
			{"GET", "/api/v1/idps", ""},
		} {
			a := o.do(call[0], call[1], call[2])
			if id := a.header.Get("X-Okta-Request-Id"); id == "" || a.header.Get("Date") != "Mon, 02 Mar 2026 10:00:00 GMT" {
				t.Errorf("headers %v", a.header)
			}
			_, _ = fmt.Fprintln(&all, a.status, a.header, a.body)
		}
		return all.String()
	}
	if diff := cmp.Diff(run(), run()); diff != "" {
		t.Error(diff)
	}
}

func TestEmulator_ConcurrentUse(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.steer("POST", "/users?count=20", "")
	o.AddLimit(emulator.Limit{Path: "*", PerMinute: 100_000, Concurrent: 100})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			user := fmt.Sprintf("/api/v1/users/load%d", i)
			for _, call := range [][2]string{
				{"POST", user + "/lifecycle/suspend"}, {"GET", "/api/v1/users"}, {"POST", user + "/lifecycle/unsuspend"},
				{"GET", user + "/groups"}, {"POST", user + "/lifecycle/deactivate"},
			} {
				if a := o.do(call[0], call[1], ""); a.status != 200 {
					t.Errorf("%v: %d %s", call, a.status, a.body)
				}
			}
			o.AddFault(emulator.Fault{Path: "/nowhere", Status: 500})
			o.AddUser(emulator.UserSeed{Login: fmt.Sprintf("more%d@acme.test", i)})
			_, _, _ = o.Requests(), o.Signals(), o.UnknownRoutes()
		})
	}
	wg.Wait()
	for i := range 20 {
		if got := o.user(fmt.Sprintf("load%d", i)).Status; got != "DEPROVISIONED" {
			t.Error(got)
		}
	}
	if got := len(o.Requests()); got != 100 {
		t.Error(got)
	}
}
