# The deployment. A minimal terraform.tfvars sets project, region, okta_url and caller_auth: see
# terraform.tfvars.example. variables_access.tf has Okta and the callers, variables_runtime.tf the
# functions and their messages, variables_storage.tf stored data, variables_operations.tf alerts and the
# audit.

locals {
  # Names that Google reserves: a bucket's name must not contain google or a misspelling of it.
  # https://docs.cloud.google.com/storage/docs/buckets#naming
  reserved = "g[o0]+g[l1]e"

  built_archive  = "${path.module}/source.zip"
  source_archive = coalesce(var.source_archive, local.built_archive)
}

variable "project" {
  description = "Id of the project to deploy to."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project is \"${var.project}\", must be the id of a project, such as acme-security."
  }

  validation {
    condition = !can(regex(local.reserved, var.project))
    error_message = join("", [
      "project is \"${var.project}\": Google refuses buckets whose name contains \"google\" or a misspelling of it.",
    ])
  }
}

variable "region" {
  description = "Region of the functions, buckets, topics and audit log, as listed by: gcloud run regions list."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is \"${var.region}\", must be the name of a region, as listed by: gcloud run regions list."
  }
}

variable "instance" {
  description = <<-EOT
    Name of this deployment if several Okta orgs share the project, part of all names and labels;
    empty: the only one.
  EOT
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition = can(regex("^([a-z][a-z0-9-]{0,8}[a-z0-9])?$", var.instance))
    error_message = join("", [
      "instance is \"${var.instance}\", must be 2 to 10 lower-case letters, digits and hyphens that begin with a ",
      "letter, or empty.",
    ])
  }

  validation {
    condition = !can(regex(local.reserved, var.instance))
    error_message = join("", [
      "instance is \"${var.instance}\": Google refuses buckets whose name contains \"google\" or a misspelling of ",
      "it.",
    ])
  }
}

variable "labels" {
  description = <<-EOT
    Further labels of all resources that have labels. The deployment sets app, instance, group and
    runbook itself.
  EOT
  type        = map(string)
  default     = {}
  nullable    = false

  # https://docs.cloud.google.com/resource-manager/docs/labels-overview
  validation {
    condition = alltrue([
      for key, value in var.labels :
      can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))
    ])
    error_message = join("", [
      "labels is ${jsonencode(var.labels)}: keys and values must be at most 63 lower-case letters, digits, _ and ",
      "-, and a key must begin with a letter.",
    ])
  }

  validation {
    condition     = !anytrue([for key in keys(var.labels) : startswith(key, "goog")])
    error_message = "labels is ${jsonencode(var.labels)}: Google reserves keys that begin with goog."
  }

  validation {
    condition     = length(setintersection(keys(var.labels), ["app", "instance", "group", "runbook"])) == 0
    error_message = "labels is ${jsonencode(var.labels)}: the deployment sets app, instance, group and runbook itself."
  }

  validation {
    condition     = length(var.labels) <= 60
    error_message = "labels has ${length(var.labels)} entries, must have at most 60: a resource has at most 64 labels."
  }
}

variable "groups" {
  description = "Groups of actions to deploy, each as a function. catalog.json lists them."
  type        = set(string)
  default     = ["users", "groups", "roles", "sessions", "providers", "logs", "signals", "containment"]
  nullable    = false

  validation {
    condition = (
      length(var.groups) > 0 &&
      length(setsubtract(var.groups, keys(jsondecode(file("${path.module}/catalog.json"))))) == 0
    )
    error_message = join("", [
      "groups is ${jsonencode(var.groups)}, must be one or more of ",
      "${join(", ", keys(jsondecode(file("${path.module}/catalog.json"))))}.",
    ])
  }
}

variable "source_archive" {
  description = <<-EOT
    Source of the functions, as written by: go run ./tools/source-archive. null: source.zip in the directory of this
    module, which that command writes.
  EOT
  type        = string
  default     = null

  validation {
    condition = fileexists(coalesce(var.source_archive, local.built_archive))
    error_message = join("", [
      "source_archive is \"${coalesce(var.source_archive, local.built_archive)}\", which does not exist: run go run ./tools/source-archive.",
    ])
  }
}

variable "build_service_account" {
  description = <<-EOT
    Service account that builds the functions, by e-mail address; docs/deploy.md creates one that
    has no other permissions. null: the project's default one, which has no permission to build in
    organizations created since May 2024 and can change most of the project in older ones.
  EOT
  type        = string
  default     = null

  validation {
    condition = (
      var.build_service_account == null ||
      can(regex("^[^@\\s]+@([^@\\s]+\\.iam|developer)\\.gserviceaccount\\.com$", var.build_service_account))
    )
    error_message = join("", [
      "build_service_account is ${jsonencode(var.build_service_account)}, must be the e-mail address of a service ",
      "account.",
    ])
  }
}

variable "enable_apis" {
  description = "Enable the APIs that the deployment needs. false: they are enabled elsewhere."
  type        = bool
  default     = true
  nullable    = false
}

variable "static_egress" {
  description = "Call Okta from one static address, for a network zone in Okta: creates a network, a router and NAT."
  type        = bool
  default     = false
  nullable    = false
}

variable "egress_range" {
  description = "IPv4 range of the subnetwork of static_egress. A function uses up to 4 addresses per instance."
  type        = string
  default     = "10.132.0.0/26"
  nullable    = false

  validation {
    condition = (
      can(regex("^[0-9.]+/[0-9]+$", var.egress_range)) && can(cidrhost(var.egress_range, 0)) &&
      try(tonumber(split("/", var.egress_range)[1]), 32) <= 26
    )
    error_message = join("", [
      "egress_range is \"${var.egress_range}\", must be an IPv4 range of /26 or larger, such as 10.132.0.0/26.",
    ])
  }

  validation {
    condition     = try(cidrhost(var.egress_range, 0) == split("/", var.egress_range)[0], true)
    error_message = "egress_range is \"${var.egress_range}\", must begin with the first address of the range."
  }
}

# SecOps

variable "secops" {
  description = <<-EOT
    SecOps instance that takes the results: its id, its location (us, eu, …) and, if another, its
    project. null: no feed.
  EOT
  type        = object({ instance = string, location = string, project = optional(string) })
  default     = null
}

variable "secops_log_type" {
  description = <<-EOT
    ID of the log type of the results, such as OKTA_ACTION_RESULT; it must exist in SecOps. With it
    Terraform makes the feed; the second step is secops_push_endpoint.
  EOT
  type        = string
  default     = null

  validation {
    condition = var.secops_log_type == null || can(regex("^[A-Z0-9_]+$", var.secops_log_type))
    error_message = join("", [
      "secops_log_type is ${jsonencode(var.secops_log_type)}, must be the ID of a log type alone, such as ",
      "OKTA_ACTION_RESULT: upper-case letters, digits and underscores. Terraform builds the full name from secops.",
    ])
  }

  validation {
    condition = var.secops_log_type == null || var.secops != null
    error_message = join("", [
      "secops_log_type is ${jsonencode(var.secops_log_type)}, which needs secops: the SecOps instance of the feed.",
    ])
  }
}

variable "secops_feed" {
  description = <<-EOT
    Form of the feed: pubsub (a push subscription of this deployment delivers with an ID token) or
    webhook (your own sender delivers with the feed's key).
  EOT
  type        = string
  default     = "pubsub"

  validation {
    condition     = contains(["pubsub", "webhook"], var.secops_feed)
    error_message = "secops_feed is ${jsonencode(var.secops_feed)}, must be pubsub or webhook."
  }
}

variable "secops_push_endpoint" {
  description = "Endpoint that SecOps shows for the feed once it exists. With it results are delivered there."
  type        = string
  default     = null

  validation {
    condition = var.secops_push_endpoint == null || (
      var.secops_log_type != null && var.secops_feed == "pubsub" && can(regex("^https://", var.secops_push_endpoint))
    )
    error_message = join("", [
      "secops_push_endpoint is ${jsonencode(var.secops_push_endpoint)}, must be an https URL, and needs ",
      "secops_log_type and secops_feed pubsub.",
    ])
  }
}
