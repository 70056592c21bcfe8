package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	oktasecops "example.com/okta-secops" // registers the functions, as the deployed build does
	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/httpapi"
)

// serveTarget serves one function at / with the functions framework, as deployed, and the emulator.
func serveTarget(ctx context.Context, o options, target string, stdout io.Writer) error {
	names := []string{httpapi.TransmitterFunction}
	for _, g := range handlers.Groups {
		names = append(names, g.Function, g.EventFunction())
	}
	if !slices.Contains(names, target) {
		return fmt.Errorf("FUNCTION_TARGET %q is not a function; the functions are %s", target, strings.Join(names, ", "))
	}
	// The framework opens the address itself. This selects the port, with a clear error if it is in
	// use.
	o.pubsubAddr = "" // a deployed function does not run a Pub/Sub server
	open, err := o.listen()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(open.functions.Addr().String())
	if err != nil {
		return err
	}
	p := &product{failed: make(chan error, 3)}
	defer p.removeKeys()
	env, err := p.startOkta(o, open)
	if err != nil {
		return err
	}
	if err := open.functions.Close(); err != nil {
		return err
	}
	// The deployed function reads the environment of the process at its first request.
	for name := range p.defaults {
		if err := os.Setenv(name, env(name)); err != nil {
			return err
		}
	}
	go func() { p.failed <- funcframework.StartHostPort(host, port) }()
	p.functions = "http://" + net.JoinHostPort(host, port)
	if err := p.ready(ctx); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "functions %s\nokta %s\n", p.functions, p.okta)
	if p.transmitter != "" {
		fmt.Fprintf(stdout, "transmitter %s\n", p.transmitter)
	}
	if p.token != "" {
		fmt.Fprintf(stdout, "token %s\n", p.token)
	}
	select {
	case err := <-p.failed:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), app.DrainTime)
	defer cancel()
	return oktasecops.Drain(drain)
}

// ready waits until the framework serves the function.
func (p *product) ready(ctx context.Context) error {
	for {
		if _, _, err := get(ctx, p.functions+"/health"); err == nil {
			return nil // also for the transmitter, which has no such path
		}
		select {
		case err := <-p.failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// healthy reports whether a product serves at the address.
func healthy(ctx context.Context, address string) bool {
	status, body, err := get(ctx, address+"/health")
	return err == nil && status == http.StatusOK && strings.TrimSpace(body) == `{"status":"ok"}`
}

// get returns the response to a GET within a second.
func get(ctx context.Context, url string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	return res.StatusCode, string(text), err
}
