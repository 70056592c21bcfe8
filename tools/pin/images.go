package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// reference is an image: its repository as written, its tag and its digest ("sha256:…").
type reference struct{ name, tag, digest string }

func (r reference) String() string {
	switch {
	case r.digest != "":
		return r.name + "@" + r.digest
	case r.tag != "":
		return r.name + ":" + r.tag
	}
	return r.name
}

var (
	// A digest of another algorithm or length is not one that a registry verifies.
	isDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	// stepImage is the line of a step's image: its indentation, the image, and the comment that
	// keeps the tag of a pinned image.
	stepImage = regexp.MustCompile(`^(\s+(?:- )?name:\s+)(\S+)(?:\s+#\s*(\S+))?\s*$`)
)

// parse parses NAME, NAME:TAG or NAME[:TAG]@DIGEST.
func parse(image string) (reference, error) {
	var r reference
	name, digest, pinned := strings.Cut(image, "@")
	if pinned && !isDigest.MatchString(digest) {
		return r, fmt.Errorf("the image %q has no sha256 digest of 64 hexadecimal digits after @", image)
	}
	r.name, r.digest = name, digest
	// A colon before the last slash belongs to a registry's port.
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		r.name, r.tag = name[:i], name[i+1:]
	}
	if r.name == "" || strings.Contains(image, "$") {
		return r, fmt.Errorf("the image %q must be written out", image)
	}
	return r, nil
}

// images returns the image of each step of a build configuration.
func images(text []byte) ([]reference, error) {
	var build struct {
		Steps []struct{ Name string }
	}
	if err := yaml.Unmarshal(text, &build); err != nil {
		return nil, err
	}
	if len(build.Steps) == 0 {
		return nil, errors.New("it has no steps")
	}
	var all []reference
	for i, step := range build.Steps {
		image, err := parse(step.Name)
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", i+1, err)
		}
		all = append(all, image)
	}
	return all, nil
}

// rewrite returns text with the digest of each step's image, its tag in a comment. An image that
// has a digest gets the current one of its tag.
func rewrite(text []byte, resolve func(reference) (string, error)) ([]byte, error) {
	lines := strings.Split(string(text), "\n")
	rewritten := 0
	for i, line := range lines {
		m := stepImage.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		image, err := parse(m[2])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if image.digest != "" && m[3] != "" {
			image.tag = m[3]
		}
		if image.tag == "" {
			return nil, fmt.Errorf("line %d: the image %s has no tag: write NAME:TAG, or NAME@DIGEST # TAG", i+1, image)
		}
		image.digest = ""
		if image.digest, err = resolve(image); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		lines[i] = m[1] + image.String() + " # " + image.tag
		rewritten++
	}
	after := []byte(strings.Join(lines, "\n"))
	// A step in another layout would be left as it is.
	if all, err := images(after); err != nil || len(all) != rewritten {
		return nil, errors.Join(fmt.Errorf("%d of %d steps have a line name: IMAGE", rewritten, len(all)), err)
	}
	return after, nil
}
