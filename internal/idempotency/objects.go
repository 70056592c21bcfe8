package idempotency

import (
	"context"
	"errors"
	"time"
)

// Errors of Objects.
var (
	ErrNone     = errors.New("there is no such object")
	ErrChanged  = errors.New("the object is another by now")
	ErrFull     = errors.New("there is no room for another object: all the room is taken by runs that have not ended")
	ErrTooLarge = errors.New("the object is too large to be kept")
)

// Objects is what claims are kept in: named objects, each of which has a generation that changes with every write. The
// objects of one claim have names that begin with the same text before the first slash.
type Objects interface {
	// Read returns an object and its generation, or ErrNone.
	Read(ctx context.Context, name string) (data []byte, generation int64, err error)
	// Write writes an object in the place of a generation, 0 where there must be none, and returns the new one, or
	// ErrChanged. An implementation with bounded room may return ErrFull or ErrTooLarge.
	Write(ctx context.Context, name string, data []byte, instead int64, l ObjectLabel) (generation int64, err error)
	// Delete deletes a generation of an object, or returns ErrChanged.
	Delete(ctx context.Context, name string, generation int64) error
}

// ObjectLabel says what an object is, so that an implementation with bounded room knows which objects it may drop.
type ObjectLabel struct {
	Kind    ObjectKind
	Attempt string    // of the run that writes the object
	Expires time.Time // when the object is no longer needed
}

// ObjectKind is the kind of an object.
type ObjectKind int

// The kinds of objects.
const (
	LeaseObject  ObjectKind = iota // a run begins, or goes on
	MarkObject                     // a write intent, or its end
	ResultObject                   // the run of the same attempt has ended
)
