package contract_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain runs more tests in parallel than there are CPUs: many wait for a deadline or for Cloud Storage's limit of one
// write per object and second. The flag -parallel takes precedence.
func TestMain(m *testing.M) {
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set {
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
