// Pin writes what a deployment by Cloud Build must not look up at build time: the digest of each
// image in cloudbuild*.yaml, and terraform/.terraform.lock.hcl.
//
//	go run ./tools/pin           writes both; needs the registries of the images and of Terraform
//	go run ./tools/pin -check    reports what is not pinned; needs no network
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	log.SetFlags(0)
	check := flag.Bool("check", false, "write nothing: exit with status 1 if anything is not pinned")
	dir := flag.String("dir", ".", "`directory` of the repository")
	flag.Parse()
	if flag.NArg() > 0 {
		log.Fatalf("pin takes no argument %q", flag.Arg(0))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	p := pinner{dir: *dir, out: os.Stdout, registry: registry{client: &http.Client{Timeout: time.Minute}}, run: run}
	work := p.pin
	if *check {
		work = func(context.Context) error { return p.check() }
	}
	if err := work(ctx); err != nil {
		log.Fatal(err)
	}
}

// pinner works on the repository in dir.
type pinner struct {
	dir      string
	out      io.Writer
	registry registry
	// run runs a command in dir.
	run func(ctx context.Context, out io.Writer, dir, name string, args ...string) error
}

// platforms are those that the lock file covers: Cloud Build and the machines of the people who
// plan.
var platforms = []string{"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64"}

// pin resolves each tag to its digest, writes the digests, and locks the providers.
func (p pinner) pin(ctx context.Context) error {
	files, err := p.pipelines()
	if err != nil {
		return err
	}
	digests := map[string]string{}
	for _, file := range files {
		before, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		after, err := rewrite(before, func(image reference) (string, error) {
			if digest, known := digests[image.String()]; known {
				return digest, nil
			}
			digest, err := p.registry.digest(ctx, image)
			if err == nil {
				digests[image.String()] = digest
				fmt.Fprintf(p.out, "%s  %s\n", image, digest)
			}
			return digest, err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		if err := os.WriteFile(file, after, 0o644); err != nil {
			return err
		}
	}
	// The provider requirements of local modules are known only after terraform get.
	lock := []string{"-chdir=terraform", "providers", "lock"}
	for _, platform := range platforms {
		lock = append(lock, "-platform="+platform)
	}
	for _, args := range [][]string{{"-chdir=terraform", "get"}, lock} {
		if err := p.run(ctx, p.out, p.dir, "terraform", args...); err != nil {
			return err
		}
	}
	return p.check()
}

// check reports every image without a digest and every provider without a lock.
func (p pinner) check() error {
	files, err := p.pipelines()
	if err != nil {
		return err
	}
	var problems []error
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		images, err := images(text)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		reported := map[reference]bool{}
		for _, image := range images {
			if image.digest == "" && !reported[image] {
				reported[image] = true
				problems = append(problems, fmt.Errorf("%s: the image %s has no digest", filepath.Base(file), image))
			}
		}
	}
	problems = append(problems, checkLock(filepath.Join(p.dir, "terraform"))...)
	if len(problems) > 0 {
		problems = append(problems, errors.New("run go run ./tools/pin and commit what it writes"))
	}
	return errors.Join(problems...)
}

// pipelines returns the build configurations of the repository.
func (p pinner) pipelines() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(p.dir, "cloudbuild*.yaml"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s has no cloudbuild*.yaml: give the repository with -dir", p.dir)
	}
	return files, err
}

func run(ctx context.Context, out io.Writer, dir, name string, args ...string) error {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Stdout, command.Stderr = dir, out, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	return nil
}
