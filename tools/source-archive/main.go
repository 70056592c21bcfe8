// Source-archive writes the source archive that Terraform deploys, and prints its size and hash.
//
//	go run ./tools/source-archive     writes terraform/source.zip
package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"example.com/okta-secops/tools/archive"
)

func main() {
	out := flag.String("o", "", "the `file` to write (default terraform/source.zip in the repository)")
	flag.Parse()
	root, err := repository()
	if err != nil {
		log.Fatal(err)
	}
	if *out == "" {
		*out = filepath.Join(root, "terraform", "source.zip")
	}
	data, err := archive.Make(root)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, data, 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s  %d bytes  sha256 %x\n", *out, len(data), sha256.Sum256(data))
}

// repository returns the root directory of the module that contains the working directory.
func repository() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, found := os.Stat(filepath.Join(dir, "go.mod")); found == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("no go.mod in the working directory or its parents: run this in the repository")
		}
	}
	return "", err
}
