package secrets

import "context"

// Memory contains secrets by reference, for tests and the local product. References can be any
// text. It must not be modified while it is in use.
type Memory map[string]string

// Get returns the value stored under ref.
func (m Memory) Get(ctx context.Context, ref string) (Value, error) {
	if err := ctx.Err(); err != nil {
		return Value{}, failed(ref, err)
	}
	raw, ok := m[ref]
	if !ok {
		return Value{}, failed(ref, ErrNotFound)
	}
	return value(ref, ref, raw)
}
