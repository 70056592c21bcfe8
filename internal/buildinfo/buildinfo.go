// Package buildinfo names the build that runs.
package buildinfo

import "runtime/debug"

// Version returns the version of the module and the revision of its sources, such as "v1.2.0 1a2b3c (modified)";
// "(devel)" for a build that has neither.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(devel)"
	}
	version, revision := info.Main.Version, ""
	if version == "" {
		version = "(devel)"
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = " " + s.Value + revision
		case s.Key == "vcs.modified" && s.Value == "true":
			revision += " (modified)"
		}
	}
	return version + revision
}
