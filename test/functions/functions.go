// Package functions runs the functions in a child process, which can be killed and started again, with an Okta, a Pub/Sub
// and a Cloud Storage in this process.
package functions

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/internal/idempotency"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/test/fakegcp"
	"example.com/okta-secops/test/testkit"
)

// The settings of the functions' process besides their own.
const (
	addressVariable = "FUNCTIONS_ADDRESS" // makes a program the functions
	storageVariable = "FUNCTIONS_STORAGE"
	pubsubVariable  = "FUNCTIONS_PUBSUB"
	leaseVariable   = "FUNCTIONS_LEASE"
)

const bucket = "claims"

// Concurrency is how many calls to Okta the functions have under way at most.
const Concurrency = 35

// GC is how terraform/modules/function sets the garbage collector.
const GC = "GOGC=50"

// ServeIfAsked serves the functions, and does not return, if this process was started as the functions. Every program that calls Start begins with
// it.
func ServeIfAsked() {
	address := os.Getenv(addressVariable)
	if address == "" {
		return
	}
	lease, err := time.ParseDuration(os.Getenv(leaseVariable))
	if err != nil {
		log.Fatal(err)
	}
	a := app.New(app.Options{
		Getenv: os.Getenv, Storage: fakegcp.StorageOptions(os.Getenv(storageVariable)), PubSub: pubsub.ClientOptions(os.Getenv(pubsubVariable)),
		Lease: lease, Groups: handlers.Groups, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	log.Fatal((&http.Server{Addr: address, Handler: httpapi.Mount(handlers.Groups, a.Open), ReadHeaderTimeout: time.Minute}).ListenAndServe())
}

// Options changes a Process.
type Options struct {
	MaxTargets int                     // MAX_TARGETS; 0: its default
	Latency    time.Duration           // of Okta
	Lease      time.Duration           // of claims; 0: as deployed
	Transport  http.RoundTripper       // of Pub/Sub's deliveries; nil: http.DefaultTransport
	Instances  int                     // processes that share the deliveries; 0: one
	Settings   []string                // NAME=value, over those of this package
	Log        io.Writer               // of the functions, and of Pub/Sub
	Observe    func(emulator.Observed) // called for every call to Okta
}

// Process is the functions' process and its services.
type Process struct {
	Okta    *emulator.Emulator
	Broker  *pubsub.Broker
	Address string // with scheme; groups are under their names

	org      *httptest.Server
	storage  *fakegcp.Storage
	settings []string
	log      io.Writer
	command  *exec.Cmd
	others   []*Process // the other instances, with the same services
}

// Start starts one. Close ends it.
func Start(o Options) (*Process, error) {
	p := &Process{Okta: emulator.New(emulator.Options{Observe: o.Observe}), log: cmp.Or(o.Log, io.Discard)}
	if o.Latency > 0 {
		p.Okta.AddFault(emulator.Fault{Path: "*", LatencyMS: int(o.Latency.Milliseconds())})
	}
	p.org = httptest.NewServer(p.Okta)
	if err := p.start(o); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Process) start(o Options) (err error) {
	if p.storage, err = fakegcp.NewStorage(bucket); err != nil {
		return err
	}
	if err := p.chooseAddress(); err != nil {
		return err
	}
	for range o.Instances - 1 {
		other := &Process{log: p.log}
		if err := other.chooseAddress(); err != nil {
			return err
		}
		p.others = append(p.others, other)
	}
	if o.Transport == nil && len(p.others) > 0 {
		o.Transport = &spread{instances: append([]*Process{p}, p.others...)}
	}
	if p.Broker, err = pubsub.Start(pubsub.Options{
		Addr: "127.0.0.1:0", Functions: p.Address, Transport: o.Transport, Speed: 100, Log: slog.New(slog.NewTextHandler(p.log, nil)),
	}); err != nil {
		return err
	}
	p.settings = []string{
		GC,
		storageVariable + "=" + p.storage.URL(), pubsubVariable + "=" + p.Broker.Addr,
		leaseVariable + "=" + cmp.Or(o.Lease, idempotency.LeaseDuration).String(),
		"CALLER_AUTH=none", "OKTA_API_ROOT=" + p.org.URL, "OKTA_API_TOKEN_SECRET=env:TOKEN", "TOKEN=" + p.Okta.Token(), "OKTA_CONCURRENCY=" + strconv.Itoa(Concurrency),
		"IDEMPOTENCY_BUCKET=" + bucket, "RESULTS_TOPIC=" + pubsub.ResultsTopic, "DEAD_LETTER_TOPIC=" + pubsub.DeadLetterTopic,
		"JOBS_TOPIC=" + pubsub.Topic("{group}"),
	}
	if o.MaxTargets > 0 {
		p.settings = append(p.settings, "MAX_TARGETS="+strconv.Itoa(o.MaxTargets))
	}
	p.settings = append(p.settings, o.Settings...)
	for _, other := range p.others {
		other.settings = p.settings
		if err := other.run(); err != nil {
			return err
		}
	}
	return p.run()
}

func (p *Process) chooseAddress() error {
	port, err := testkit.FreePort()
	p.Address = "http://" + net.JoinHostPort("127.0.0.1", port)
	return err
}

// spread sends each request to the next of the instances.
type spread struct {
	instances []*Process
	next      atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (s *spread) RoundTrip(r *http.Request) (*http.Response, error) {
	to := s.instances[int(s.next.Add(1))%len(s.instances)]
	r = r.Clone(r.Context())
	r.URL.Host = strings.TrimPrefix(to.Address, "http://")
	r.Host = r.URL.Host // the functions refuse the address of another
	return http.DefaultTransport.RoundTrip(r)
}

// run runs the process, and returns once it serves.
func (p *Process) run() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p.command = exec.Command(self)
	p.command.Env = append([]string{addressVariable + "=" + strings.TrimPrefix(p.Address, "http://")}, p.settings...)
	p.command.Stderr = p.log
	if err := p.command.Start(); err != nil {
		return err
	}
	for range 1000 {
		if res, err := http.Get(p.Address + "/users/health"); err == nil {
			return res.Body.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("the functions do not start")
}

// Crash ends the process as a machine's end does, and starts it again.
func (p *Process) Crash() error {
	if err := p.command.Process.Signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("killing the functions: %w", err)
	}
	_ = p.command.Wait() // it was killed
	return p.run()
}

// Memory is a line of the system's report about a process, in KiB: VmRSS is the resident memory, VmHWM the highest so far.
// 0 where the system has no such report (Linux has).
func Memory(pid int, line string) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	m := regexp.MustCompile(line + `:\s+(\d+) kB`).FindSubmatch(status)
	if err != nil || m == nil {
		return 0
	}
	kib, _ := strconv.Atoi(string(m[1]))
	return kib
}

// PeakMemory is the most of a process that was resident, in KiB.
func PeakMemory(pid int) int { return Memory(pid, "VmHWM") }

// PeakMemory is the most of one of the processes that was resident, in KiB.
func (p *Process) PeakMemory() int {
	most := PeakMemory(p.command.Process.Pid)
	for _, other := range p.others {
		most = max(most, other.PeakMemory())
	}
	return most
}

// Close ends everything.
func (p *Process) Close() {
	if p.Broker != nil {
		_ = p.Broker.Close()
	}
	p.kill()
	for _, other := range p.others {
		other.kill()
	}
	if p.storage != nil {
		p.storage.Close()
	}
	p.org.Close()
}

func (p *Process) kill() {
	if p.command != nil && p.command.Process != nil {
		_ = p.command.Process.Kill()
		_ = p.command.Wait()
	}
}
