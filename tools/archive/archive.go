// Package archive makes the source archive that is deployed: what .gcloudignore leaves of the repository. The same source
// gives the same bytes, whoever makes it, and whenever.
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

// ignoreFile is the one list of what is not deployed; gcloud reads it too.
const ignoreFile = ".gcloudignore"

// Make makes the archive of the repository at root.
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
			return fmt.Errorf("%s is no regular file", name)
		case !isSource(name):
			return fmt.Errorf("%s is neither source nor in %s: it may be a secret that was left lying about; remove it, or add it there", name, ignoreFile)
		}
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		// Not compressed: how that is done differs from one version of Go to another. With its length and checksum ahead, for
		// what unpacks a stream, such as Java's ZipInputStream, refuses stored files that have them behind.
		header := &zip.FileHeader{
			Name: name, Method: zip.Store, ReaderVersion: 20,
			CRC32: crc32.ChecksumIEEE(data), CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data)),
		}
		//lint:ignore SA1019 Modified adds a field, and what is left out is a month 0, which some readers do not take
		header.ModifiedDate = 1<<5 | 1 // 1 January 1980
		header.SetMode(0o644)
		w, err := z.CreateRaw(header)
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	})
	if err := errors.Join(err, z.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// isSource tells whether a file is of a kind that a build needs.
func isSource(name string) bool {
	return path.Ext(name) == ".go" || name == "go.mod" || name == "go.sum" || name == "LICENSE"
}

// pattern is a line of the list.
type pattern struct {
	glob     string
	anchored bool // to the root
	dirs     bool // directories only
}

type patterns []pattern

// readPatterns reads the part of gitignore's syntax that the list is written in.
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
		if _, err := path.Match(p.glob, ""); err != nil || strings.ContainsAny(p.glob, "!\\/ \t") || strings.Contains(p.glob, "**") {
			return nil, fmt.Errorf("%s:%d: %q is not understood: write name, *.kind, /name, name/ or **/name", ignoreFile, n+1, line)
		}
		all = append(all, p)
	}
	return all, nil
}

// match tells whether a file or directory is left out.
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
