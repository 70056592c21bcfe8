# Stored data: its keys, its locations, and how long it is kept.

locals {
  # https://docs.cloud.google.com/kms/docs/resource-hierarchy
  kms_key = "^projects/[^/\\s]+/locations/[a-z0-9-]+/keyRings/[A-Za-z0-9_-]{1,63}/cryptoKeys/[A-Za-z0-9_-]{1,63}$"
}

variable "kms_keys" {
  description = <<-EOT
    Cloud KMS keys that encrypt stored data, by full name: storage for the buckets of the source and of the
    idempotency records, pubsub for all topics, secrets for the secrets, with one key for each of secret_locations,
    or one in global without them. docs/deploy.md has the grants that the keys need. null or empty: Google's keys.
  EOT
  type = object({
    storage = optional(string)
    pubsub  = optional(string)
    secrets = optional(list(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for key in concat([for key in [var.kms_keys.storage, var.kms_keys.pubsub] : key if key != null], var.kms_keys.secrets) :
      can(regex(local.kms_key, key))
    ])
    error_message = join("", [
      "kms_keys is ${jsonencode(var.kms_keys)}: each must be the full name of a key without a version, ",
      "projects/P/locations/L/keyRings/R/cryptoKeys/K.",
    ])
  }

  # https://docs.cloud.google.com/storage/docs/encryption/customer-managed-keys
  validation {
    condition = try(split("/", var.kms_keys.storage)[3], var.region) == var.region
    error_message = join("", [
      "storage in kms_keys is ${jsonencode(var.kms_keys.storage)}, must be a key in ${var.region}: a bucket and its ",
      "key have the same location.",
    ])
  }

  # https://docs.cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets
  validation {
    condition = length(var.kms_keys.secrets) == 0 || (
      sort([for key in var.kms_keys.secrets : try(split("/", key)[3], key)]) ==
      sort(coalescelist(tolist(var.secret_locations), ["global"]))
    )
    error_message = join("", [
      "secrets in kms_keys has keys in ${join(", ", [for key in var.kms_keys.secrets : try(split("/", key)[3], key)])}, ",
      "must have one in ",
      length(var.secret_locations) > 0 ? "each of secret_locations: ${join(", ", var.secret_locations)}." :
      "global: secrets without secret_locations have global keys.",
    ])
  }
}

variable "secret_locations" {
  description = <<-EOT
    Regions that store the values of the secrets; empty: Google chooses them (automatic replication). Choose before
    the first apply: a change replaces the secrets, and their values are lost.
  EOT
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([for l in var.secret_locations : can(regex("^[a-z]+-[a-z]+[0-9]+$", l))])
    error_message = join("", [
      "secret_locations is ${jsonencode(var.secret_locations)}: each must be the name of a region, such as ",
      "europe-west3.",
    ])
  }
}

variable "retention_days" {
  description = <<-EOT
    Days that Pub/Sub keeps messages which no subscriber has acknowledged: results, also for their delivery to SecOps,
    and dead letters. From 1 to 31.
  EOT
  type = object({
    results      = optional(number, 7)
    dead_letters = optional(number, 7)
  })
  default  = {}
  nullable = false

  # https://docs.cloud.google.com/pubsub/docs/subscription-properties
  validation {
    condition = alltrue([for days in values(var.retention_days) : days >= 1 && days <= 31 && floor(days) == days])
    error_message = join("", [
      "retention_days has ${var.retention_days.results} for results and ${var.retention_days.dead_letters} for ",
      "dead_letters, each must be a whole number from 1 to 31.",
    ])
  }
}

variable "deletion_protection" {
  description = <<-EOT
    Whether Terraform refuses to delete or replace the functions, the secrets, the buckets, the topics of results and
    dead letters, and the subscriptions that keep them. It does not protect from a deletion outside Terraform. To
    delete one of them, set it to false, apply, and then make the change.
  EOT
  type        = bool
  default     = false
  nullable    = false
}
