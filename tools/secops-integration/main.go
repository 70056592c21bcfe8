// Command secops-integration writes the response integration for Google SecOps, and installs it.
//
//	go run ./tools/secops-integration             writes secops/, docs/playbooks.md and dist/OktaSecOps.zip
//	go run ./tools/secops-integration install -project P -location L -instance I
//
// The integration derives from the declarations of the actions in handlers/; its core, the logo and the release notes
// are written by hand in secops/okta_secops.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/secops"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "secops-integration:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) > 0 && args[0] == "install" {
		return install(ctx, args[1:], stdout)
	}
	flags := flag.NewFlagSet("secops-integration", flag.ContinueOnError)
	flags.SetOutput(stdout)
	root := flags.String("root", ".", "the `directory` of the module")
	sourceOnly := flags.Bool("source", false, "write the source form only, without the packages in dist/")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown command %q; the command is install", flags.Arg(0))
	}
	return write(*root, *sourceOnly, stdout)
}

// load returns the integration of the module in root.
func load(root string) (*secops.Integration, error) {
	dir := filepath.Join(root, "secops", "okta_secops")
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("%w: run this in the repository, or give it with -root", err)
	}
	return secops.New(handlers.Groups, os.DirFS(dir))
}

// write writes the files that are generated, and removes those that are not generated any more.
func write(root string, sourceOnly bool, stdout io.Writer) error {
	integration, err := load(root)
	if err != nil {
		return err
	}
	files, err := integration.Source()
	if err != nil {
		return err
	}
	playbooks, err := secops.PlaybookFiles()
	if err != nil {
		return err
	}
	generated := func(string) bool { return true }
	for dir, part := range map[string]struct {
		files       map[string][]byte
		isGenerated func(name string) bool
	}{
		filepath.Join("secops", "okta_secops"): {files, secops.IsGenerated},
		filepath.Join("secops", "playbooks"):   {playbooks, generated},
	} {
		if err := replace(filepath.Join(root, dir), part.files, part.isGenerated); err != nil {
			return err
		}
	}
	if err := writeFile(filepath.Join(root, "docs", "playbooks.md"),
		secops.PlaybooksDocument()); err != nil || sourceOnly {
		return err
	}
	return pack(root, integration, playbooks, stdout)
}

// pack writes the packages to dist/.
func pack(root string, integration *secops.Integration, playbooks map[string][]byte, stdout io.Writer) error {
	archive, err := integration.Package()
	if err != nil {
		return err
	}
	ofPlaybooks, err := secops.Archive(playbooks)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{secops.PackageName: archive, secops.PlaybooksName: ofPlaybooks} {
		file := filepath.Join(root, "dist", name)
		if err := writeFile(file, content); err != nil {
			return err
		}
		fmt.Fprintln(stdout, file)
	}
	return nil
}

func writeFile(file string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}

// replace writes the generated files of a directory, and removes generated ones that are not in files.
func replace(dir string, files map[string][]byte, isGenerated func(name string) bool) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	var old []string
	err := filepath.WalkDir(dir, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if _, ok := files[name]; !ok && isGenerated(name) {
			old = append(old, file)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	for name, text := range files {
		if !isGenerated(name) {
			continue
		}
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(name)), text); err != nil {
			return err
		}
	}
	return nil
}
