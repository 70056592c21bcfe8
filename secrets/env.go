package secrets

import (
	"context"
	"fmt"
)

const envScheme = "env:"

// Env reads secrets from environment variables: env:NAME. It is for local use: everyone with
// permission to describe a deployed function can read its variables.
type Env struct{ Getenv func(string) string }

// Get returns the value of the variable. For an unset or empty variable, the error is both
// ErrNotFound and ErrEmpty, because getenv does not distinguish them.
func (e Env) Get(ctx context.Context, ref string) (Value, error) {
	name, err := locate(ctx, ref, envScheme)
	if err != nil {
		return Value{}, err
	}
	raw := e.Getenv(name)
	if raw == "" {
		return Value{}, failed(ref, fmt.Errorf("%w, or %w", ErrNotFound, ErrEmpty))
	}
	return value(ref, ref, raw)
}
