package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	serveIfAsked()
	os.Exit(m.Run())
}

// TestAShortLoad holds that nothing is lost: measure fails where a call has no record.
func TestAShortLoad(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := measure(&out, 8, 4, 500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if columns := strings.Split(out.String(), "  "); len(columns) < 9 || columns[0] != "8" || columns[5] != "0" || !strings.HasSuffix(out.String(), "  0\n") {
		t.Errorf("%q", out.String())
	}
}
