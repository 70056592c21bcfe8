package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/config"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/pubsub"
	"example.com/okta-secops/local/console"
	"example.com/okta-secops/local/emulator"
	localpubsub "example.com/okta-secops/local/pubsub"
)

// product is the running local product.
type product struct {
	functions, okta string              // addresses, with scheme
	transmitter     string              // address, with scheme; "" without an emulator
	keys            string              // folder of the keys of the transmitter; "" if the environment has its own
	token           string              // API token of the emulator; "" without an emulator
	note            string              // a warning about a real org
	policy          string              // of the guardrails
	startToken      *startToken         // nil: changes need none
	defaults        map[string]string   // settings that getenv does not set
	broker          *localpubsub.Broker // nil without Pub/Sub
	feed            console.Feed        // what happens in the functions
	emulator        *emulator.Emulator  // nil without one

	servers     []*http.Server
	stopResults context.CancelFunc // of the results that the console shows; may be nil
	failed      chan error
}

// start starts the product and returns when the functions, Okta and Pub/Sub listen.
func start(o options) (*product, error) {
	open, err := o.listen()
	if err != nil {
		return nil, err
	}
	p := &product{failed: make(chan error, 3)}
	if o.write {
		p.startToken, o.pubsubAddr = newStartToken(), ""
	}
	env, err := p.startOkta(o, open)
	if err == nil && o.pubsubAddr != "" {
		err = p.startPubSub(o, env, "http://"+open.functions.Addr().String())
	}
	if err != nil {
		open.close()
		p.close()
		return nil, err
	}
	settings := app.Options{
		Getenv: env, Groups: handlers.Groups, Transport: p.transport(env),
		Log: slog.New(p.feed.Records(slog.Default().Handler())),
	}
	if p.broker != nil {
		settings.PubSub = localpubsub.ClientOptions(p.broker.Addr)
	}
	if o.okta != "" && !o.write {
		settings.ReadOnly = readOnlyReason
	}
	a := app.New(settings)
	mux := httpapi.Mount(handlers.Groups, a.Open)
	for _, path := range []string{"GET /health", "GET /health/{$}"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"status":"ok"}`+"\n")
		})
	}
	if !o.headless {
		if err := p.serveConsole(o, mux, a); err != nil {
			open.close()
			p.close()
			return nil, err
		}
	}
	mux.HandleFunc("/", unknownPath)
	p.functions = p.serve(open.functions,
		httpapi.LimitArrival(mergeSlashes(rejectForeignPages(p.startToken.require(p.feed.Runs(mux))))))
	return p, nil
}

// serveConsole adds the console to the paths of the functions.
func (p *product) serveConsole(o options, mux *http.ServeMux, a *app.App) error {
	shown := console.Options{
		Org: org(p.okta), Real: o.okta != "", ReadOnly: o.okta != "" && !o.write, Emulator: p.emulator, Feed: &p.feed,
		Jobs: p.broker != nil, Policy: a.Policy,
	}
	if p.startToken != nil {
		shown.Started, shown.Start = p.startToken.Started, p.startToken.Exchange
	}
	web, err := console.Handler(shown)
	if err != nil {
		return err
	}
	mux.Handle("GET /{$}", web)
	mux.Handle("/console/", web)
	if p.broker != nil {
		ctx, cancel := context.WithCancel(context.Background())
		p.stopResults = cancel
		go p.showResults(ctx, p.broker.Addr)
	}
	return nil
}

// showResults passes the results and dead letters of Pub/Sub on to the console.
func (p *product) showResults(ctx context.Context, addr string) {
	err := watchResults(ctx, addr, true, func(_ int, m localpubsub.Message, dead bool) error {
		p.feed.Published(messageOf(m, dead), m.Published)
		return nil
	})
	if err != nil && ctx.Err() == nil {
		slog.Warn("the console does not show the results of Pub/Sub", "error", err.Error())
	}
}

// transport returns the transport to Okta, whose requests the console shows.
func (p *product) transport(env func(string) string) http.RoundTripper {
	cfg, err := config.FromEnv(env, false)
	return p.feed.Transport(okta.Transport(err != nil || cfg.VerifySSL)) // the functions report the error
}

// org returns the name of the organization that the console shows.
func org(address string) string {
	if u, err := url.Parse(address); err == nil && !caller.IsLoopback(u.Hostname()) {
		return u.Host
	}
	return "acme.test"
}

// startPubSub starts the Pub/Sub server, which delivers to the functions at that address.
func (p *product) startPubSub(o options, env func(string) string, functions string) error {
	p.defaults["RESULTS_TOPIC"], p.defaults["JOBS_TOPIC"] = localpubsub.ResultsTopic, localpubsub.Topic("{group}")
	p.defaults["DEAD_LETTER_TOPIC"] = localpubsub.DeadLetterTopic
	b := localpubsub.Options{Addr: o.pubsubAddr, Functions: functions, Speed: 100, Keep: maxStored}
	for _, setting := range []string{"RESULTS_TOPIC", "DEAD_LETTER_TOPIC"} {
		if name, err := pubsub.FullName(env(setting), env("GOOGLE_CLOUD_PROJECT")); err == nil {
			b.Topics = append(b.Topics, name)
		}
	}
	var err error
	p.broker, err = localpubsub.Start(b)
	if err != nil && o.pubsubAddr == defaultPubSubAddr {
		// The address was not requested, and announce prints the one that is used.
		b.Addr = "127.0.0.1:0"
		p.broker, err = localpubsub.Start(b)
	}
	return err
}

// serve serves h and returns the address.
func (p *product) serve(l net.Listener, h http.Handler) string {
	s := &http.Server{
		Handler: h, MaxHeaderBytes: 64 << 10,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
	}
	p.servers = append(p.servers, s)
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- err
		}
	}()
	return "http://" + l.Addr().String()
}

// wait waits until ctx ends, and then for the end of the requests in progress, up to app.DrainTime.
func (p *product) wait(ctx context.Context) error {
	select {
	case err := <-p.failed:
		p.close()
		return err
	case <-ctx.Done():
	}
	p.closeBroker() // stops deliveries
	p.feed.Close()  // ends the streams of the console
	p.removeKeys()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), app.DrainTime)
	defer cancel()
	for i := len(p.servers) - 1; i >= 0; i-- { // the functions first, because they still call Okta
		if err := p.servers[i].Shutdown(drain); err != nil {
			p.close()
			return fmt.Errorf("some requests did not end within %s", app.DrainTime)
		}
	}
	return nil
}

func (p *product) closeBroker() {
	if p.stopResults != nil {
		p.stopResults()
	}
	if p.broker != nil {
		_ = p.broker.Close()
		p.broker = nil
	}
}

func (p *product) close() {
	p.closeBroker()
	p.feed.Close()
	p.removeKeys()
	for _, s := range p.servers {
		_ = s.Close()
	}
}
