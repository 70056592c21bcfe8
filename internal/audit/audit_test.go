package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/internal/audit"
)

// TestARecordStaysWithinAnEntry: of many targets it lists the first, and says how many it leaves out.
func TestARecordStaysWithinAnEntry(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := audit.New(func() *slog.Logger { return slog.New(slog.NewJSONHandler(&out, nil)) }, "r-1", true)
	targets := make([]audit.Target, 10_000)
	for i := range targets {
		targets[i] = audit.Target{
			Input: fmt.Sprintf("user%d@acme.test", i), Source: "parameter", UserID: "00u1234567890abcdefg", Login: fmt.Sprintf("user%d@acme.test", i), Outcome: "changed",
			Before: map[string]any{"status": "ACTIVE"}, After: map[string]any{"status": "SUSPENDED"},
		}
	}
	log.Invocation(t.Context(), audit.InvocationRecord{Occasion: audit.Occasion{Action: "Disable User"}, Status: "success", HTTPStatus: 200, Targets: targets}, time.Second)
	var entry struct {
		Msg   string
		Audit struct {
			Targets        []audit.Target
			TargetsOmitted int   `json:"targets_omitted"`
			DurationMS     int64 `json:"duration_ms"`
		}
	}
	if err := json.Unmarshal(out.Bytes(), &entry); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 200<<10 || len(entry.Audit.Targets) != 200 || entry.Audit.TargetsOmitted != 9800 || entry.Audit.DurationMS != 1000 || entry.Msg != "Disable User: success, 10000 changed" {
		t.Errorf("%d bytes, %d targets, %d omitted, %s", out.Len(), len(entry.Audit.Targets), entry.Audit.TargetsOmitted, entry.Msg)
	}
	if strings.Contains(out.String(), "user1@") || targets[0].Login != "user0@acme.test" {
		t.Error("a login is in the record, or the caller's list was changed")
	}
}
