package contract_test

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/test/testkit"
)

// step is the suggested playbook step of an action, as terraform/catalog.json has it.
type step struct {
	IdempotencyKey string `json:"idempotency_key"`
	Body           string
	Outputs        []string
}

// steps returns the suggested steps by path.
func steps(t *testing.T) map[string]step {
	t.Helper()
	text, err := os.ReadFile("../../terraform/catalog.json")
	if err != nil {
		t.Fatal(err)
	}
	var groups map[string]struct {
		Actions []struct {
			Slug   string
			SecOps step
		}
	}
	if err := json.Unmarshal(text, &groups); err != nil {
		t.Fatal(err)
	}
	all := map[string]step{}
	for name, g := range groups {
		for _, a := range g.Actions {
			all[name+"/"+a.Slug] = a.SecOps
		}
	}
	return all
}

// resolved replaces the placeholders that SecOps fills in.
var resolved = strings.NewReplacer(
	"[Entity.Identifier]", "ALICE@ACME.TEST", "[Entity.Type]", "USERUNIQNAME", "[Case.Id]", "4711", "[Alert.Identifier]", "a-1",
)

// header returns the headers of a step after SecOps has filled in its placeholders.
func (s step) header() http.Header {
	if s.IdempotencyKey == "" {
		return nil
	}
	return http.Header{"Idempotency-Key": {resolved.Replace(s.IdempotencyKey)}}
}

// members returns the members of the body.
func (s step) members(t *testing.T) map[string]any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(s.Body), &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// marked returns the names under which a problem with each value to replace is reported.
func (s step) marked(t *testing.T) []string {
	t.Helper()
	names, body := []string{}, s.members(t)
	for _, member := range []string{"parameters", "context"} {
		values, _ := body[member].(map[string]any)
		for name, value := range values {
			if text, is := value.(string); !is || !strings.Contains(text, action.FillIn) {
				continue
			}
			if member == "context" {
				name = "context." + name
			}
			names = append(names, name)
		}
	}
	if strings.Contains(s.IdempotencyKey, action.FillIn) {
		names = append(names, "Idempotency-Key")
	}
	slices.Sort(names)
	return names
}

// fill replaces the marked values by those of the action's example.
func (s step) fill(t *testing.T, a action.Action) step {
	t.Helper()
	body := s.members(t)
	parameters, _ := body["parameters"].(map[string]any)
	for name, value := range parameters {
		if text, is := value.(string); !is || !strings.Contains(text, action.FillIn) {
			continue
		}
		if parameters[name] = a.Example.Parameters[name]; parameters[name] == nil {
			t.Errorf("the example of %s has no %s", a.Name, name)
		}
	}
	if parameters != nil {
		body["context"] = map[string]any{"case_id": "4711"}
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	key := strings.ReplaceAll(s.IdempotencyKey, action.FillIn+"_STEP_NAME", "contain")
	return step{IdempotencyKey: key, Body: string(text)}
}

// TestSecOpsStep_IsRefusedUntilItIsFilledIn sends each suggested request as it is, which has a problem
// for each marked value, and with the marked values replaced.
func TestSecOpsStep_IsRefusedUntilItIsFilledIn(t *testing.T) {
	t.Parallel()
	all := steps(t)
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			path := g.Name + "/" + a.Slug
			s, is := all[path]
			if !is {
				t.Errorf("%s has no step: run go generate ./...", path)
				continue
			}
			t.Run(path, func(t *testing.T) {
				t.Parallel()
				w := testkit.New(t, testkit.Options{})
				marked := s.marked(t)
				if got := w.Do(http.MethodPost, path, resolved.Replace(s.Body), s.header()); len(marked) > 0 {
					if diff := cmp.Diff(marked, refusedParameters(got)); diff != "" || got.HTTP != 400 {
						t.Errorf("%d (-want +got):\n%s\n%s", got.HTTP, diff, got.Body)
					}
					if asked := w.Asked(); len(asked) > 0 {
						t.Errorf("Okta was asked %v", asked)
					}
				}
				filled := s.fill(t, a)
				if got := w.Do(http.MethodPost, path, resolved.Replace(filled.Body), filled.header()); got.HTTP != 200 {
					t.Errorf("filled in: %d %s", got.HTTP, got.Body)
				}
			})
		}
	}
}

// refusedParameters returns the parameters of the problems with marked values.
func refusedParameters(got testkit.Reply) []string {
	var reply struct {
		Error struct{ Problems []action.Problem }
	}
	_ = json.Unmarshal(got.Body, &reply)
	names := []string{}
	for _, p := range reply.Error.Problems {
		if strings.Contains(p.Message, "holds FILL_IN, which marks a value to replace") {
			names = append(names, p.Parameter)
		}
	}
	slices.Sort(names)
	return names
}

// TestSecOpsStep_OutputsAreInTheReply reads each listed path from the reply to the action's example, as
// HTTP V2 returns it.
func TestSecOpsStep_OutputsAreInTheReply(t *testing.T) {
	t.Parallel()
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			path := g.Name + "/" + a.Slug
			outputs := steps(t)[path].Outputs
			t.Run(path, func(t *testing.T) {
				t.Parallel()
				w := testkit.New(t, testkit.Options{})
				body, err := json.Marshal(map[string]any{"parameters": a.Example.Parameters, "entities": a.Example.Entities})
				if err != nil {
					t.Fatal(err)
				}
				got := w.Do(http.MethodPost, path, string(body), nil)
				var result any
				if err := json.Unmarshal([]byte(`{"response_data": `+string(got.Body)+`}`), &result); err != nil {
					t.Fatal(err)
				}
				if !slices.Contains(outputs, "response_data.status") || len(outputs) < 3 {
					t.Errorf("outputs %v", outputs)
				}
				for _, output := range outputs {
					last := output[strings.LastIndex(output, ".")+1:]
					if !slices.Contains(a.SecretResults, last) && !reads(result, strings.Split(output, ".")) {
						t.Errorf("%s is not in %s", output, got.Body)
					}
				}
			})
		}
	}
}

// reads reports whether a path leads to a value: through the items of lists, and with <target> through
// any member.
func reads(value any, path []string) bool {
	if items, is := value.([]any); is {
		return slices.ContainsFunc(items, func(item any) bool { return reads(item, path) })
	}
	if len(path) == 0 {
		return true
	}
	members, _ := value.(map[string]any)
	for name, member := range members {
		if (name == path[0] || path[0] == "<target>") && reads(member, path[1:]) {
			return true
		}
	}
	return false
}
