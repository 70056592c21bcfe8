package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"
)

// WriteIntent is the recorded state of a non-idempotent write.
type WriteIntent int

// The states of a write.
const (
	Fresh     WriteIntent = iota // the execution may send the write
	Committed                    // an earlier execution has made the write
	InDoubt                      // an earlier execution began the write, and its outcome is unknown
)

// writeMark is the object that records that a write was begun or committed. It is never
// overwritten.
type writeMark struct {
	Attempt string    `json:"attempt"`
	Expires time.Time `json:"expires"`
}

// putMark writes a mark, or returns ErrChanged if it exists.
func (l *Lease) putMark(ctx context.Context, name string) error {
	m := writeMark{l.lease.Attempt, l.store.now().Add(life)}
	_, err := write(ctx, l.store, name, m, 0, ObjectLabel{MarkObject, m.Attempt, m.Expires})
	return err
}

// BeginWrite records that the execution is about to send a non-idempotent write to a target, unless
// an earlier execution has recorded the same.
func (l *Lease) BeginWrite(ctx context.Context, target string) (WriteIntent, error) {
	name := l.target(target)
	for range 2 {
		switch err := l.putMark(ctx, name+"/intent"); {
		case err == nil:
			return Fresh, nil
		case !errors.Is(err, ErrChanged): // the mark may exist, and would stop every later execution
			abort, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
			defer cancel()
			_ = l.AbortWrite(abort, target)
			return Fresh, err
		}
		made, err := l.WasMade(ctx, target)
		if err != nil {
			return InDoubt, err
		}
		if made {
			return Committed, nil
		}
		begun, gen, err := read[writeMark](ctx, l.store, name+"/intent")
		if err != nil || begun.Attempt != "" && begun.Expires.After(l.store.now()) {
			return InDoubt, err
		}
		if err := l.store.objects.Delete(ctx, name+"/intent", gen); err != nil && !errors.Is(err, ErrChanged) {
			return InDoubt, err
		}
	}
	return InDoubt, nil
}

// WasMade reports whether CommitWrite has recorded the write to a target.
func (l *Lease) WasMade(ctx context.Context, target string) (bool, error) {
	made, _, err := read[writeMark](ctx, l.store, l.target(target)+"/made")
	return made.Attempt != "" && made.Expires.After(l.store.now()), err
}

// CommitWrite records that the write to a target was made.
func (l *Lease) CommitWrite(ctx context.Context, target string) error {
	if err := l.putMark(ctx, l.target(target)+"/made"); !errors.Is(err, ErrChanged) {
		return err
	}
	return nil
}

// AbortWrite records that the write to a target was certainly not made, so that a later execution
// may send it.
func (l *Lease) AbortWrite(ctx context.Context, target string) error {
	name := l.target(target) + "/intent"
	m, gen, err := read[writeMark](ctx, l.store, name)
	if err != nil || gen == 0 || m.Attempt != l.lease.Attempt {
		return err
	}
	if err := l.store.objects.Delete(ctx, name, gen); !errors.Is(err, ErrChanged) {
		return err
	}
	return nil
}

func (l *Lease) target(text string) string {
	sum := sha256.Sum256([]byte(text))
	return l.writes + "/targets/" + hex.EncodeToString(sum[:16])
}
