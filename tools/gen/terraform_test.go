package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestModuleTable_HasInputsAndOutputs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(`
variable "project" {
  description = "Id of the project."
  type        = string
}
variable "key" {
  description = <<-EOT
    A key | a token,
    as <key>.
  EOT
  type        = string
  default     = null
  sensitive   = true
}
variable "settings" {
  description = "Settings."
  type = map(object({
    days   = optional(number, 7)
    labels = optional(map(string), {})
    nested = optional(object({
      a = string
    }))
  }))
  default = { "a&b" = { days = 1 } }
}
output "url" {
  description = "URL."
  value       = 1
}
output "key" {
  description = "Key."
  value       = var.key
  sensitive   = true
}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := moduleTable(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"## Inputs", "", "| Name | Description | Type | Default |", "|---|---|---|---|",
		"| `key` | A key \\| a token, as &lt;key&gt;. | `string`, sensitive | `null` |",
		"| `project` | Id of the project. | `string` | required |",
		"| `settings` | Settings. | `map(object({ days = optional(number, 7), labels = optional(map(string), {}), " +
			"nested = optional(object({ a = string })) }))` | `{\"a&b\":{\"days\":1}}` |",
		"", "## Outputs", "", "| Name | Description |", "|---|---|", "| `key` | Key. Sensitive. |", "| `url` | URL. |", "",
	}, "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestModuleTable_RefusesWhatItCannotParse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte("variable \"a\" {\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := moduleTable(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want an error that names %s", err, dir)
	}
}
