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

// maxFile is in bytes. It is also the limit of Secret Manager.
const maxFile = 64 << 10

// File reads secrets from files: file:/path, absolute or relative to the working directory. Each
// Get reads the file again.
type File struct{}

// Get returns the content of the file. It returns an error if the file is not a regular file,
// because a pipe could block, or if it is larger than 64 KiB.
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
