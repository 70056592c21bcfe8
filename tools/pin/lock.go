package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// lockFile is where Terraform keeps the versions and hashes of providers.
const lockFile = ".terraform.lock.hcl"

var providerSource = regexp.MustCompile(`(?m)^\s*source\s*=\s*"([^"/]+/[^"/]+)"`)

// checkLock reports each provider that versions.tf requires and the lock file has no version or
// hash of. terraform init -lockfile=readonly compares the hashes.
func checkLock(dir string) []error {
	versions, err := os.ReadFile(filepath.Join(dir, "versions.tf"))
	if err != nil {
		return []error{err}
	}
	required := providerSource.FindAllStringSubmatch(string(versions), -1)
	if len(required) == 0 {
		return []error{errors.New("terraform/versions.tf requires no provider")}
	}
	lock, err := os.ReadFile(filepath.Join(dir, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return []error{fmt.Errorf("terraform/%s does not exist", lockFile)}
	}
	if err != nil {
		return []error{err}
	}
	var problems []error
	for _, m := range required {
		address := regexp.QuoteMeta("registry.terraform.io/" + m[1])
		block := regexp.MustCompile(`(?ms)^provider "` + address + `" \{\n(.*?)^\}`).FindSubmatch(lock)
		if block == nil || !lockedVersion.Match(block[1]) || !lockedHash.Match(block[1]) {
			problems = append(problems, fmt.Errorf("terraform/%s has no version or no hash of the provider %s", lockFile, m[1]))
		}
	}
	return problems
}

var (
	lockedVersion = regexp.MustCompile(`(?m)^\s*version\s*=\s*"\d`)
	lockedHash    = regexp.MustCompile(`(?m)^\s*"(h1|zh):[^"]{20,}"`)
)
