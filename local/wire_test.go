package main

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
)

// TestWire_PrintsTheStepOfTerraform compares the fields with those of the output secops_actions.
func TestWire_PrintsTheStepOfTerraform(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../terraform/catalog.json")
	if err != nil {
		t.Fatal(err)
	}
	var groups map[string]struct {
		Actions []struct {
			Name, Slug string
			SecOps     struct {
				Body    string
				Key     string `json:"idempotency_key"`
				Outputs []string
			}
		}
	}
	if err := json.Unmarshal(text, &groups); err != nil {
		t.Fatal(err)
	}
	for group, g := range groups {
		a := g.Actions[0]
		var out strings.Builder
		args := []string{"wire", "-token", "-root", "https://okta-{group}-1.europe-west1.run.app/", a.Slug}
		if err := run(t.Context(), args, noEnv, &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		want := append([]string{
			a.Name + ": HTTP V2 > Execute HTTP Request\n", "URL Path                  https://okta-" + group + "-1.europe-west1.run.app/" + a.Slug + "\n",
			"\nBody Payload\n" + a.SecOps.Body + "\n", `"Authorization": "Bearer [Step1.JsonResult`,
		}, a.SecOps.Outputs...)
		if a.SecOps.Key != "" {
			want = append(want, `"Idempotency-Key": "`+a.SecOps.Key+`"`)
		}
		for _, w := range want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%s: %q is missing in\n%s", a.Name, w, out.String())
			}
		}
	}
}

func TestWire_Mistakes(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"wire":                           "name one action, in quotes: ",
		"wire Disable User":              "name one action, in quotes: ",
		"wire disable":                   `unknown action "disable"; the actions are `,
		"wire -root http://a.test ping":  `-root is "http://a.test", must be an https URL such as `,
		"wire -roof https://a.test ping": "-roof; see go run ./local wire -h",
	} {
		if err := run(t.Context(), strings.Fields(args), noEnv, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}
