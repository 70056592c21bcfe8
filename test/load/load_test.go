package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/test/functions"
)

func TestMain(m *testing.M) {
	serveIfAsked()
	functions.ServeIfAsked()
	os.Exit(m.Run())
}

// skipIfShort skips a test with -short: each waits for seconds of load.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED with -short: it loads a process for seconds")
	}
}

// TestLoad_Short: measure fails if a call has no record.
func TestLoad_Short(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	var out strings.Builder
	if err := measure(&out, 8, 4, 500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if columns := strings.Split(out.String(), "  "); len(columns) < 9 || columns[0] != "8" || columns[5] != "0" || !strings.HasSuffix(out.String(), "  0\n") {
		t.Errorf("%q", out.String())
	}
}

// TestLoad_SmallBulk: measureBulk fails if a user does not have the requested state.
func TestLoad_SmallBulk(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	var out strings.Builder
	if err := bulk(&out, []int{2}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"calls  200  2  ", "messages  200  2  "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in %s", want, out.String())
		}
	}
}

// TestLoad_LargeReplies holds that the calls are answered, and that memory is measured.
func TestLoad_LargeReplies(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	var out strings.Builder
	if err := replies(&out, []largeReplies{{3, "get-user", 2, 1 << 20}, {2, "list-users", 5, 1 << 10}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"3 x 200", "2 x 200"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

// TestLoad_UnauthenticatedCallersHoldNothing: each has its reply and is closed when a quarter of the time is over.
func TestLoad_UnauthenticatedCallersHoldNothing(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	var out strings.Builder
	if err := slow(&out, 20, 8*time.Second); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\n2s  0  0  200 in ", "\n7.2s  0  0  200 in "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in %s", want, out.String())
		}
	}
}

// TestLoad_ExpensiveBodiesAreRefused checks that the process survives them and serves others.
func TestLoad_ExpensiveBodiesAreRefused(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	var out strings.Builder
	if err := bombs(&out, 4); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\n/disable-user  [403 403 403 403]  ", "\n/  [400 400 400 400]  "} {
		if !strings.Contains(out.String(), want) || strings.Count(out.String(), "  200 in ") != 2 {
			t.Errorf("%q is missing in %s", want, out.String())
		}
	}
}
