package idempotency

import (
	"context"
	"errors"
	"time"
)

// Errors of Objects.
var (
	ErrNone     = errors.New("the object does not exist")
	ErrChanged  = errors.New("the object was changed by another writer")
	ErrFull     = errors.New("the store is full of records of executions that have not ended")
	ErrTooLarge = errors.New("the object is too large for the store")
)

// Objects stores the objects of idempotency records. Each write changes the generation of the
// object. The names of all objects of one record have the same text before the first slash.
type Objects interface {
	// Read returns an object and its generation, or ErrNone.
	Read(ctx context.Context, name string) (data []byte, generation int64, err error)
	// Write replaces the given generation of an object and returns the new generation. Generation 0
	// means that the object does not exist. Write returns ErrChanged if the generation is another. An
	// implementation with limited memory may return ErrFull or ErrTooLarge.
	Write(ctx context.Context, name string, data []byte, instead int64, l ObjectLabel) (generation int64, err error)
	// Delete deletes the given generation of an object, or returns ErrChanged.
	Delete(ctx context.Context, name string, generation int64) error
}

// ObjectLabel describes an object to an implementation that drops objects when its memory is full.
type ObjectLabel struct {
	Kind    ObjectKind
	Attempt string    // ID of the execution that writes the object
	Expires time.Time // when the object is no longer needed
}

// ObjectKind is the kind of an object.
type ObjectKind int

// The kinds of objects.
const (
	LeaseObject  ObjectKind = iota // an execution has begun or renewed its lease
	MarkObject                     // a write was begun or committed
	ResultObject                   // the execution of the same attempt has ended
)
