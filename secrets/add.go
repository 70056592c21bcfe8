package secrets

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Store is a Source that can also replace a value.
type Store interface {
	Source
	// Add makes v the latest value of a secret. Its errors are those of Get; ErrUnsupported if the reference names
	// one version, or an environment variable.
	Add(ctx context.Context, ref string, v Value) error
	// Has reports whether a secret has a value, which it does not read.
	Has(ctx context.Context, ref string) (bool, error)
}

// Has implements Store. The value of an environment variable is read.
func (s byScheme) Has(ctx context.Context, ref string) (bool, error) {
	switch {
	case strings.HasPrefix(ref, envScheme):
		_, err := s.env.Get(ctx, ref)
		return err == nil, nil
	case strings.HasPrefix(ref, fileScheme):
		path, err := locate(ctx, ref, fileScheme)
		if err != nil {
			return false, err
		}
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil && info.Size() > 0, err
	}
	return s.manager.Has(ctx, ref)
}

// Has calls projects.secrets.versions.get, which does not need the permission to read the value. A version that is
// disabled or destroyed counts.
// https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/get
func (s *SecretManager) Has(ctx context.Context, ref string) (bool, error) {
	name, err := s.name(ctx, ref)
	if err != nil {
		return false, err
	}
	client, err := s.client(ctx, Endpoint(name))
	if err != nil {
		return false, failed(ref, fmt.Errorf("%w: no Google credentials were found: %w", ErrDenied, err))
	}
	_, err = client.GetSecretVersion(ctx, &secretmanagerpb.GetSecretVersionRequest{Name: name})
	switch status.Code(err) {
	case codes.OK:
		return true, nil
	case codes.NotFound:
		return false, nil
	case codes.PermissionDenied:
		err = fmt.Errorf("%w: you need secretmanager.versions.get on this secret, as in "+
			"roles/secretmanager.secretVersionManager", ErrDenied)
	}
	return false, failed(name, err)
}

// Add implements Store.
func (s byScheme) Add(ctx context.Context, ref string, v Value) error {
	switch {
	case strings.HasPrefix(ref, envScheme):
		return failedToAdd(ref, fmt.Errorf("%w: an environment variable cannot be changed", ErrUnsupported))
	case strings.HasPrefix(ref, fileScheme):
		return s.file.Add(ctx, ref, v)
	}
	return s.manager.Add(ctx, ref, v)
}

// Add replaces the file, which only its owner can read, as a whole: a reader sees the old value or the new one.
func (File) Add(ctx context.Context, ref string, v Value) error {
	path, err := locate(ctx, ref, fileScheme)
	if err != nil {
		return err
	}
	if err := replaceFile(path, v.Reveal()+"\n"); err != nil {
		return failedToAdd(ref, err)
	}
	return nil
}

func replaceFile(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // unless it was renamed
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Add calls projects.secrets.addVersion. It does not repeat the call, because each adds a version.
// https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/addVersion
func (s *SecretManager) Add(ctx context.Context, ref string, v Value) error {
	name, err := s.name(ctx, ref)
	if err != nil {
		return err
	}
	parent, latest := strings.CutSuffix(name, "/versions/latest")
	if !latest {
		return failedToAdd(ref, fmt.Errorf("%w: it names one version; a new value is a new version", ErrUnsupported))
	}
	client, err := s.client(ctx, Endpoint(name))
	if err != nil {
		return failedToAdd(ref, fmt.Errorf("%w: no Google credentials were found: %w", ErrDenied, err))
	}
	data := []byte(v.Reveal())
	sum := int64(crc32.Checksum(data, castagnoli))
	_, err = client.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{
		Parent: parent, Payload: &secretmanagerpb.SecretPayload{Data: data, DataCrc32C: &sum},
	})
	switch status.Code(err) {
	case codes.OK:
		return nil
	case codes.NotFound:
		err = fmt.Errorf("%w: the secret does not exist; create it first", ErrNotFound)
	case codes.PermissionDenied:
		err = fmt.Errorf("%w: you need roles/secretmanager.secretVersionAdder on this secret", ErrDenied)
	}
	return failedToAdd(parent, err)
}

func failedToAdd(ref string, err error) error { return fmt.Errorf("writing secret %s: %w", ref, err) }
