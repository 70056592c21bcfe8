// Plan-config reports whether the configuration inside a Terraform plan is that of a directory.
//
//	go run ./tools/plan-config -plan terraform/plan -dir terraform
//
// terraform apply runs the configuration inside the plan. terraform show lists the changes of a
// plan, but not its provisioners, so a plan of another configuration could run any command.
package main

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	plan := flag.String("plan", "terraform/plan", "`file` of the plan")
	dir := flag.String("dir", "terraform", "`directory` of the configuration")
	flag.Parse()
	if flag.NArg() > 0 {
		log.Fatalf("plan-config takes no argument %q", flag.Arg(0))
	}
	if err := compare(*plan, *dir); err != nil {
		log.Fatalf("the plan has another configuration than %s: %v", *dir, err)
	}
}

// A plan is a zip archive. tfconfig/modules.json lists the modules, and tfconfig/m-KEY/NAME is the
// file NAME of the module KEY. (terraform/internal/configs/configload, Terraform 1.11)
const (
	manifest = "tfconfig/modules.json"
	modules  = "tfconfig/m-"
)

// maxFile is far above the size of any file of a configuration.
const maxFile = 16 << 20

// compare returns an error for each file that only one of plan and dir has, or that differs.
func compare(plan, dir string) error {
	files, err := configuration(plan)
	if err != nil {
		return err
	}
	var list []struct{ Key, Dir string }
	if err := json.Unmarshal(files[manifest], &list); err != nil || len(list) == 0 {
		return fmt.Errorf("%s lists no modules: %w", manifest, errors.Join(err))
	}
	delete(files, manifest)
	var problems []error
	for _, module := range list {
		if !filepath.IsLocal(module.Dir) {
			return fmt.Errorf("the module %q is outside the directory, in %q", module.Key, module.Dir)
		}
		own, err := filepath.Glob(filepath.Join(dir, module.Dir, "*.tf"))
		if err != nil {
			return err
		}
		for _, file := range own {
			inPlan := modules + module.Key + "/" + filepath.Base(file)
			want, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			got, found := files[inPlan]
			delete(files, inPlan)
			switch {
			case !found:
				problems = append(problems, fmt.Errorf("the plan has no %s", file))
			case string(got) != string(want):
				problems = append(problems, fmt.Errorf("the plan has another %s", file))
			}
		}
	}
	for name := range files {
		problems = append(problems, fmt.Errorf("only the plan has %s", name))
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

// configuration returns the files of the configuration inside a plan, by name.
func configuration(plan string) (map[string][]byte, error) {
	archive, err := zip.OpenReader(plan)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	files := map[string][]byte{}
	for _, entry := range archive.File {
		if !strings.HasPrefix(path.Clean(entry.Name), "tfconfig") {
			continue
		}
		if _, twice := files[entry.Name]; twice {
			return nil, fmt.Errorf("%s is there twice", entry.Name)
		}
		in, err := entry.Open()
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
		if err = errors.Join(err, in.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name, err)
		}
		if len(text) > maxFile {
			return nil, fmt.Errorf("%s is larger than %d bytes", entry.Name, maxFile)
		}
		files[entry.Name] = text
	}
	return files, nil
}
