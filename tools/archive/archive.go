// Package archive builds the source archive for deployment: all files of the repository that
// .gcloudignore does not exclude. The same source gives the same bytes on every machine.
package archive

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// ignoreFile is the list of files to exclude. gcloud reads it too.
const ignoreFile = ".gcloudignore"

// versionFile is embedded by package buildinfo.
const versionFile = "internal/buildinfo/VERSION"

// Make returns the archive of the repository at root as a ZIP file. It returns an error if
// ignoreFile contains an unsupported pattern, if a file cannot be read, or if a file that is not
// excluded is neither a regular file nor source.
func Make(root string) ([]byte, error) {
	ignored, err := readPatterns(filepath.Join(root, ignoreFile))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error { // in the order of names
		switch {
		case err != nil || name == ".":
			return err
		case ignored.match(name, d.IsDir()) && d.IsDir():
			return fs.SkipDir
		case ignored.match(name, false) || d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is not a regular file", name)
		case !isSource(name):
			return fmt.Errorf(
				"%s is neither source nor excluded by %s: remove it if it is a secret, or exclude it",
				name,
				ignoreFile,
			)
		}
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		return add(z, name, data)
	})
	if err := errors.Join(err, z.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// add writes a file to the archive. The file is not compressed, because the output of the
// compressor depends on the Go version. Its length and checksum precede it, because streaming
// readers such as Java's ZipInputStream reject stored files with a data descriptor.
func add(z *zip.Writer, name string, data []byte) error {
	header := &zip.FileHeader{
		Name: name, Method: zip.Store, ReaderVersion: 20,
		CRC32: crc32.ChecksumIEEE(data), CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data)),
	}
	// 1 January 1980. Modified would add an extra field, and some readers reject the default, month 0.
	header.ModifiedDate = 1<<5 | 1 //nolint:staticcheck // SA1019, see above
	header.SetMode(0o644)
	w, err := z.CreateRaw(header)
	if err == nil {
		_, err = w.Write(data)
	}
	return err
}

// isSource reports whether a build needs the file.
func isSource(name string) bool {
	return path.Ext(name) == ".go" || name == "go.mod" || name == "go.sum" || name == "LICENSE" || name == versionFile
}

// pattern is a line of ignoreFile.
type pattern struct {
	glob     string
	anchored bool // matches only in the root directory
	dirs     bool // matches only directories
}

type patterns []pattern

// readPatterns parses the list. It supports a subset of the gitignore syntax and returns an error
// for any other pattern, because a file that it should exclude would be deployed.
func readPatterns(file string) (patterns, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all patterns
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimRight(line, " \r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var p pattern
		p.glob, p.dirs = strings.CutSuffix(line, "/")
		if anywhere, ok := strings.CutPrefix(p.glob, "**/"); ok {
			p.glob = anywhere
		} else {
			p.glob, p.anchored = strings.CutPrefix(p.glob, "/")
		}
		_, err := path.Match(p.glob, "")
		if err != nil || strings.ContainsAny(p.glob, "!\\/ \t") || strings.Contains(p.glob, "**") {
			return nil, fmt.Errorf("%s:%d: %q is not supported: use name, *.kind, /name, name/ or **/name",
				ignoreFile, n+1, line)
		}
		all = append(all, p)
	}
	return all, nil
}

// match reports whether a file or directory is excluded.
func (all patterns) match(name string, dir bool) bool {
	for _, p := range all {
		target := path.Base(name)
		if p.anchored {
			target = name
		}
		if matched, _ := path.Match(p.glob, target); matched && (dir || !p.dirs) {
			return true
		}
	}
	return false
}
