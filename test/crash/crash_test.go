package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/test/functions"
)

func TestMain(m *testing.M) {
	functions.ServeIfAsked() // the functions' process is this program too
	os.Exit(m.Run())
}

// TestCrash_ExecutesEachMessageOnce is a short run; go run ./test/crash is the long one.
func TestCrash_ExecutesEachMessageOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: it kills and restarts the functions for 10 seconds")
	}
	t.Parallel()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var out strings.Builder
	p := plan{messages: 40, kills: 3, every: 300 * time.Millisecond, latency: 20 * time.Millisecond, patience: 3 * time.Minute, log: log}
	good, err := p.run(&out, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + out.String())
	if !strings.Contains(out.String(), " 40      3 ") {
		t.Error("the functions were not killed three times")
	}
	if !good {
		text, err := os.ReadFile(log.Name())
		t.Errorf("the functions' log:\n%s %v", text, err)
	}
}

// TestCrash_EachUserOfAJobHasOneOutcome kills the functions while they carry out a job, one of which is canceled.
func TestCrash_EachUserOfAJobHasOneOutcome(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: it kills and restarts the functions for 20 seconds")
	}
	t.Parallel()
	var out strings.Builder
	p := plan{
		messages: 60, kills: 2, every: 300 * time.Millisecond, latency: 20 * time.Millisecond, patience: 3 * time.Minute, log: io.Discard, job: true,
	}
	good, err := p.run(&out, 1, 2)
	if err != nil || !good {
		t.Errorf("%v", err)
	}
	t.Log("\n" + out.String())
	if strings.Count(out.String(), " 60      2 ") != 2 {
		t.Error("the functions were not killed twice in each run")
	}
}
