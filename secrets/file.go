package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

const fileScheme = "file:"

// maxFile is in bytes; Secret Manager takes no larger payload either.
const maxFile = 64 << 10

// File reads secrets from files: file:/path, absolute or relative to the
// working directory. Each Get reads the file anew, so a changed file counts
// from the next call on.
type File struct{}

// Get returns the content of the file. Only regular files of at most 64 KiB
// are read: a pipe could block for ever.
func (File) Get(ctx context.Context, ref string) (Value, error) {
	path, err := locate(ctx, ref, fileScheme)
	if err != nil {
		return Value{}, err
	}
	raw, err := readFile(path)
	if err != nil {
		return Value{}, failed(ref, err)
	}
	return value(ref, ref, string(raw))
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNotFound
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxFile {
		return nil, fmt.Errorf("larger than %d bytes", maxFile)
	}
	return raw, nil
}
