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

// secretTime limits reading all secrets at the start.
const secretTime = 20 * time.Second

// checkSecrets reads and parses each secret that the settings refer to. The error is one line that
// names every variable whose secret cannot be read or parsed. checkSecrets does not call Okta.
func checkSecrets(ctx context.Context, cfg config.Config, source secrets.Source) error {
	ctx, cancel := context.WithTimeout(ctx, secretTime)
	defer cancel()
	var problems []string
	for _, s := range []struct {
		name, ref string
		parse     func(secrets.Value) error
	}{
		{"OKTA_API_TOKEN_SECRET", cfg.TokenRef, func(v secrets.Value) error { _, err := config.APIToken(v); return err }},
		{"OKTA_PRIVATE_KEY_SECRET", cfg.KeyRef, checkPrivateKey},
		{"ITP_SIGNING_KEY_SECRET", cfg.SigningKeyRef, checkPrivateKey},
		{"CALLER_KEYS_SECRET", cfg.CallerKeysRef, checkCallerKeys},
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

func checkPrivateKey(v secrets.Value) error {
	_, err := keys.Parse(v)
	return err
}

func checkCallerKeys(v secrets.Value) error {
	_, err := caller.ParseKeys(v, func(name string) (string, bool) { return action.SlugOf(handlers.Groups, name) })
	return err
}
