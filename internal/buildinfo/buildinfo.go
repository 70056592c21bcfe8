// Package buildinfo names the build that runs.
package buildinfo

import (
	_ "embed" // for VERSION
	"runtime/debug"
	"strings"
	"sync"
)

// release is the content of the file VERSION. It is embedded because a deployed function is built from an archive that
// has neither a repository nor a module version.
//
//go:embed VERSION
var release string

// Release returns the version in the file VERSION, such as "0.1.0".
func Release() string { return strings.TrimSpace(release) }

// Version returns the release and the revision of its sources, such as "0.1.0 1a2b3c (modified)". go run, and a build
// outside of a repository, such as that of a deployed function, have the release only.
func Version() string { return version() }

// version reads the build information once, because every request asks for the version.
var version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Release()
	}
	revision := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = " " + s.Value + revision
		case s.Key == "vcs.modified" && s.Value == "true":
			revision += " (modified)"
		}
	}
	return Release() + revision
})
