package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/config"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/secrets"
)

// secretTime bounds the reading of all secrets at the start.
const secretTime = 20 * time.Second

// checkSecrets reads each secret that the settings refer to, once, and parses it. The error names every variable whose
// secret cannot be read or used, on one line. Neither the functions nor Okta are called.
func checkSecrets(ctx context.Context, cfg config.Config, source secrets.Source) error {
	ctx, cancel := context.WithTimeout(ctx, secretTime)
	defer cancel()
	var problems []string
	for _, s := range []struct {
		name, ref string
		parse     func(secrets.Value) error
	}{
		{"OKTA_API_TOKEN_SECRET", cfg.TokenRef, func(v secrets.Value) error { _, err := config.APIToken(v); return err }},
		{"OKTA_PRIVATE_KEY_SECRET", cfg.KeyRef, func(v secrets.Value) error { _, err := keys.Parse(v); return err }},
		{"ITP_SIGNING_KEY_SECRET", cfg.SigningKeyRef, func(v secrets.Value) error { _, err := keys.Parse(v); return err }},
		{"CALLER_KEYS_SECRET", cfg.CallerKeysRef, parseKeys},
	} {
		if s.ref == "" {
			continue
		}
		value, err := source.Get(ctx, s.ref)
		if err == nil {
			err = s.parse(value)
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %s", s.name, strings.Join(strings.Fields(err.Error()), " ")))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return errors.New(strings.Join(problems, "; "))
}

// parseKeys checks the keys of callers.
func parseKeys(v secrets.Value) error {
	_, err := caller.ParseKeys(v, func(name string) (string, bool) { return action.SlugOf(handlers.Groups, name) })
	return err
}
