package secrets

import (
	"context"
	"fmt"
)

const envScheme = "env:"

// Env reads secrets from environment variables: env:NAME. It is meant for
// local work; a deployed function would show them to whoever may describe it.
type Env struct{ Getenv func(string) string }

// Get returns the value of the variable. An unset variable cannot be told
// from an empty one: the error is both ErrNotFound and ErrEmpty.
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
