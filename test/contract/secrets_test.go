package contract_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// requests are the example with each boolean turned, and with each secret parameter given: between them
// they make every secret that the action can make.
func (s subject) requests() []request {
	list := []request{s.example()}
	for _, p := range s.action.Params {
		switch {
		case p.Type == "boolean" && p.Name != "Also Run On Scope":
			for _, r := range list {
				list = append(list, r.with(p.Name, true), r.with(p.Name, false))
			}
		case p.Secret:
			for i, r := range list {
				list[i] = r.with(p.Name, s.value(p))
			}
		}
	}
	return list
}

// given are the secrets that the deployment and the caller hold.
func (s subject) given() map[string]string {
	secret := map[string]string{
		"the API token":   s.Okta.Token(),
		"the signing key": strings.Split(s.Key.PEM().Reveal(), "\n")[2],
	}
	for _, p := range s.action.Params {
		if text, ok := s.value(p).(string); p.Secret && ok && !strings.Contains(text, "\n") {
			secret[p.Name] = text
		}
	}
	return secret
}

// made are the secrets that a run brought forth: one-time links, passwords, signed tokens.
func (s subject) made(r testkit.Reply) map[string]string {
	secret := map[string]string{}
	var collect func(v any)
	collect = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				collect(item)
			}
		case map[string]any:
			for name, item := range v {
				text, ok := item.(string)
				switch name {
				case "resetPasswordUrl", "activationUrl", "activationToken", "password":
					if ok {
						secret[name] = text
					}
				}
				collect(item)
			}
		}
	}
	collect(r.Get("json_result"))
	for _, q := range s.Okta.Requests() {
		if strings.HasPrefix(q.Body, "eyJ") {
			secret["the signed token"] = q.Body
		}
	}
	return secret
}

func TestSecret_StaysWhereItMayBe(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		made := map[string]bool{}
		for _, dryRun := range []bool{false, true} {
			for _, q := range s.requests() {
				s.Okta.Reset()
				q.Options = map[string]bool{"dry_run": dryRun}
				r := s.run(t, q)
				secret := s.made(r)
				for name := range secret {
					made[name] = true
				}
				s.wantHidden(t, r, q, s.given(), secret)
			}
		}
		for slug, names := range map[string][]string{
			"enable-user": {}, "reset-password": {"resetPasswordUrl"}, "set-password": {"password"}, "send-itp-signal": {"the signed token"},
		} {
			for _, name := range names {
				if s.action.Slug == slug && !made[name] {
					t.Errorf("no run made %s, so this test looked for nothing", name)
				}
			}
		}
	})
}

// TestSecret_ActivationLinkIsInTheResultOnly has the one secret that no example makes: frank is not yet active.
func TestSecret_ActivationLinkIsInTheResultOnly(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		if s.action.Slug != "enable-user" {
			return
		}
		q := request{}.with(s.users(), "frank, heidi, dave").with("Send Email If Activate", false)
		r := s.run(t, q)
		secret := s.made(r)
		if secret["activationUrl"] == "" || secret["activationToken"] == "" {
			t.Fatalf("no link: %s", r.Body)
		}
		s.wantHidden(t, r, q, s.given(), secret)
	})
}

func TestSecret_IsNotInErrors(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		for _, q := range s.requests() {
			for _, f := range []emulator.Fault{{Status: 500}, {Status: 403}, {Status: 200, Body: errorPage}, {Drop: true}} {
				s.Okta.Reset()
				f.Path, f.Method = "*", "POST"
				s.Okta.AddFault(f)
				r := s.run(t, q)
				s.wantHidden(t, r, q, s.given(), s.made(r))
			}
			wrong := q.with("Color Of The Sky", "blue")
			s.wantHidden(t, s.refused(t, wrong, "Color Of The Sky"), wrong, s.given(), nil)
			broken := q.String() + "}"
			s.wantHidden(t, s.refused(t, broken, "body"), q, s.given(), nil)
		}
	})
}

// wantHidden wants the given secrets nowhere, and the made ones in json_result alone.
func (s subject) wantHidden(t *testing.T, r testkit.Reply, q request, given, made map[string]string) {
	t.Helper()
	without := maps.Clone(r.JSON)
	delete(without, "json_result")
	b, err := json.Marshal(without)
	if err != nil {
		t.Fatal(err)
	}
	rest, log := string(b), s.Log()
	for name, secret := range given {
		result := string(r.Body)
		if made["password"] != "" { // begins with the password that was given
			result = rest
		}
		if strings.Contains(result, secret) || strings.Contains(log, secret) {
			t.Errorf("%s: %s is in the reply or the log", q, name)
		}
	}
	for name, secret := range made {
		if strings.Contains(rest, secret) || strings.Contains(log, secret) {
			t.Errorf("%s: %s is in the reply outside json_result, or in the log", q, name)
		}
		if name == "the signed token" && strings.Contains(string(r.Body), secret) {
			t.Errorf("%s: the signed token is in the reply", q)
		}
	}
}
