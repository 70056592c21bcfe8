package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/functions"
	"example.com/okta-secops/test/testkit"
)

// program is a program whose start is measured, with the measurements.
type program struct {
	name, target, path string
	starts             []time.Duration // to the reply of the first request
	idle, busy         []int           // resident memory in KiB, after the first request and after callsAtOnce
}

const callsAtOnce = 80 // the concurrency of an instance, as deployed

// start compares the deployed program with a function that does next to nothing.
func (p plan) start(ctx context.Context, w io.Writer) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	okta := emulator.New(emulator.Options{})
	okta.AddFault(emulator.Fault{Path: "*", LatencyMS: 200}) // so that all calls are under way together
	org := httptest.NewServer(okta)
	defer org.Close()
	programs := []*program{{name: "bare", target: "bare"}, {name: "deployed", target: "OktaUsers"}}
	for _, g := range programs {
		g.path = filepath.Join(dir, g.name)
		build := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", g.path, "example.com/okta-secops/test/bench/"+g.name)
		if text, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, text)
		}
	}
	for range p.starts {
		for _, g := range programs {
			if err := g.measure(ctx, "OKTA_API_ROOT="+org.URL, "TOKEN="+okta.Token()); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(w, `The deployed program, and a function on the same framework and clients that asks Okta for a user, median of %d

  start  from exec to the reply of GET /health
  idle   resident memory a second after it; busy: the most after %d Get User calls at once, Okta 200 ms away

`, p.starts, callsAtOnce)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tsize (MB)\tstart\t\tidle (MiB)\tbusy (MiB)\t")
	for _, g := range programs {
		info, err := os.Stat(g.path)
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%s\t%.1f\t%s\t%.2f x\t%.1f\t%.1f\t\n", g.name, float64(info.Size())/1e6, short(median(g.starts)),
			float64(median(g.starts))/float64(median(programs[0].starts)), mib(median(g.idle)), mib(median(g.busy)))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return nil
}

func mib(kib int) float64 { return float64(kib) / 1024 }

// measure starts the program once.
func (g *program) measure(ctx context.Context, settings ...string) error {
	port, err := testkit.FreePort()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, g.path)
	command.Env = append(settings, "PORT="+port, "FUNCTION_TARGET="+g.target, "CALLER_AUTH=none", "OKTA_API_TOKEN_SECRET=env:TOKEN", functions.GC)
	begun := time.Now()
	if err := command.Start(); err != nil {
		return err
	}
	defer func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}()
	address := "http://127.0.0.1:" + port
	for {
		if _, err = send(ctx, http.DefaultClient, http.MethodGet, address+"/health", nil, nil); err == nil {
			break
		}
		if time.Since(begun) > time.Minute {
			return err
		}
		time.Sleep(time.Millisecond / 2)
	}
	g.starts = append(g.starts, time.Since(begun))
	time.Sleep(time.Second) // another process gives back what its start took
	g.idle = append(g.idle, functions.Memory(command.Process.Pid, "VmRSS"))
	var calls errgroup.Group
	for range callsAtOnce {
		calls.Go(func() error {
			_, err := send(ctx, http.DefaultClient, http.MethodPost, address+"/get-user", nil, []byte(getAlice))
			return err
		})
	}
	if err := calls.Wait(); err != nil {
		return err
	}
	g.busy = append(g.busy, functions.PeakMemory(command.Process.Pid))
	return nil
}
