package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/serve"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/secrets"
)

// drainTime is how long requests may go on after Ctrl-C.
const drainTime = 8 * time.Second

// The names under which Okta knows the local product as a transmitter of signals.
const (
	localKeyID  = "local-key"
	localIssuer = "https://secops.acme.test"
)

type options struct {
	addr, oktaAddr string
	getenv         func(string) string
}

// product is the running local product.
type product struct {
	functions, okta string // addresses, with scheme
	token           string // of the emulator; empty where Okta is another one

	servers []*http.Server
	failed  chan error
}

// start serves the functions and Okta, and returns once both listen.
func start(o options) (*product, error) {
	listener, err := listen("-addr", o.addr)
	if err != nil {
		return nil, err
	}
	p := &product{failed: make(chan error, 2)}
	env, err := p.startOkta(o)
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	mux := serve.Mount(handlers.Groups, app.New(app.Options{Getenv: env}).Open)
	for _, path := range []string{"GET /health", "GET /health/{$}"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"status":"ok"}`+"\n")
		})
	}
	mux.HandleFunc("GET /{$}", page)
	mux.HandleFunc("/", elsewhere)
	p.functions = p.serve(listener, ownHost(listener.Addr(), mux))
	return p, nil
}

// startOkta starts the emulator and returns the settings of the functions: the caller's own over those
// that fit the emulator. Where OKTA_API_ROOT names another Okta, there is no emulator.
func (p *product) startOkta(o options) (func(string) string, error) {
	if root := o.getenv("OKTA_API_ROOT"); root != "" {
		// Nothing asks a local caller who they are, so nothing local may change a real org.
		if u, err := url.Parse(root); err != nil || !caller.IsLoopback(u.Hostname()) {
			return nil, fmt.Errorf("OKTA_API_ROOT is not on loopback: the local product works on an emulator only")
		}
		p.okta = strings.TrimSuffix(root, "/")
		return over(o.getenv, map[string]string{"CALLER_AUTH": "none"}), nil
	}
	own := map[string]string{
		"CALLER_AUTH":           "none",
		"OKTA_API_TOKEN_SECRET": "env:LOCAL_OKTA_TOKEN",
		"LOCAL_OKTA_TOKEN":      emulator.DefaultToken,
	}
	if err := ownSigningKey(o.getenv, own); err != nil {
		return nil, err
	}
	env := over(o.getenv, own)
	source := secrets.Default(env)
	token, err := source.Get(context.Background(), env("OKTA_API_TOKEN_SECRET"))
	if err != nil {
		return nil, fmt.Errorf("OKTA_API_TOKEN_SECRET: %w", err)
	}
	okta := emulator.New(emulator.Options{Token: strings.TrimSpace(token.Reveal())})
	if err := register(okta, source, env); err != nil {
		return nil, err
	}
	listener, err := listen("-okta-addr", o.oktaAddr)
	if err != nil {
		return nil, err
	}
	p.okta = p.serve(listener, okta)
	p.token = okta.Token()
	own["OKTA_API_ROOT"] = p.okta
	return env, nil
}

// ownSigningKey makes the key with which signals are signed, unless the caller has one.
func ownSigningKey(getenv func(string) string, own map[string]string) error {
	if getenv("ITP_SIGNING_KEY_SECRET") != "" {
		return nil
	}
	key, err := keys.Generate()
	if err != nil {
		return err
	}
	own["ITP_SIGNING_KEY_SECRET"], own["LOCAL_SIGNING_KEY"] = "env:LOCAL_SIGNING_KEY", key.PEM().Reveal()
	own["ITP_KEY_ID"], own["ITP_ISSUER_URL"] = localKeyID, localIssuer
	return nil
}

// register tells Okta whose signals to believe.
func register(okta *emulator.Emulator, source secrets.Source, env func(string) string) error {
	pem, err := source.Get(context.Background(), env("ITP_SIGNING_KEY_SECRET"))
	if err != nil {
		return fmt.Errorf("ITP_SIGNING_KEY_SECRET: %w", err)
	}
	key, err := keys.Parse(pem)
	if err != nil {
		return fmt.Errorf("ITP_SIGNING_KEY_SECRET: %w", err)
	}
	okta.RegisterTransmitter(env("ITP_ISSUER_URL"), key.JWKS(env("ITP_KEY_ID")))
	return nil
}

// over looks a variable up in getenv, then in own.
func over(getenv func(string) string, own map[string]string) func(string) string {
	return func(name string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return own[name]
	}
}

// listen opens a loopback address.
func listen(flag, addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%s %s is not an address; write it as 127.0.0.1:8080", flag, addr)
	}
	if !caller.IsLoopback(host) {
		return nil, fmt.Errorf("%s %s is not a loopback address: the local product has no authentication and serves this machine only", flag, addr)
	}
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %s is taken: stop what listens there, or choose another with %s 127.0.0.1:0", port, flag)
	}
	return l, err
}

// serve serves h and returns the address.
func (p *product) serve(l net.Listener, h http.Handler) string {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	p.servers = append(p.servers, s)
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- err
		}
	}()
	return "http://" + l.Addr().String()
}

// wait serves until ctx ends, then lets requests finish.
func (p *product) wait(ctx context.Context) error {
	select {
	case err := <-p.failed:
		p.close()
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	for i := len(p.servers) - 1; i >= 0; i-- { // the functions before Okta, which they still call
		if err := p.servers[i].Shutdown(drain); err != nil {
			p.close()
			return fmt.Errorf("some requests did not end within %s", drainTime)
		}
	}
	return nil
}

func (p *product) close() {
	for _, s := range p.servers {
		_ = s.Close()
	}
}

// announce prints where everything is. The first lines are for programs: one word, one address.
func (p *product) announce(w io.Writer) {
	fmt.Fprintf(w, "functions %s\nokta %s\n", p.functions, p.okta)
	if p.token == "" {
		return
	}
	fmt.Fprintf(w, "token %s\n", p.token)
	fmt.Fprintf(w, `
The organization acme.test (every login is <name>@acme.test):
  ACTIVE   alice, bob (Engineering), admin, breakglass (SUPER_ADMIN), helpdesk (HELP_DESK_ADMIN by group)
  others   carol SUSPENDED, dave DEPROVISIONED, erin LOCKED_OUT, frank STAGED,
           grace PASSWORD_EXPIRED, heidi PROVISIONED, ivan RECOVERY

Try:
  curl -s %s/users/disable-user -H 'content-type: application/json' \
    -d '{"parameters": {"User IDs Or Logins": "alice, erin, zed", "Is Deactivate": false}}'
  go run ./local invoke "Get User" 'User IDs Or Logins=alice'

%s/ lists the actions. Ctrl-C ends.
`, p.functions, p.functions)
}
