# Okta, its credentials, and the callers.

locals {
  # An IAM member that names an identity: not allUsers, allAuthenticatedUsers or a domain.
  # https://docs.cloud.google.com/iam/docs/principal-identifiers
  member = "^((serviceAccount|user|group):[^@\\s]+@[^@\\s]+|principal(Set)?://\\S+)$"
}

variable "okta_url" {
  description = <<-EOT
    URL of the Okta org without a path, such as https://acme.okta.com; not the Admin Console's
    (OKTA_API_ROOT).
  EOT
  type        = string

  validation {
    condition = (
      can(regex("^https://[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]/?$", var.okta_url)) &&
      !can(regex("-admin\\.okta", var.okta_url))
    )
    error_message = join("", [
      "okta_url is \"${var.okta_url}\", must be the org's URL without a path, such as https://acme.okta.com, and ",
      "not the Admin Console's.",
    ])
  }
}

variable "okta_credentials" {
  description = <<-EOT
    Credentials for Okta by group; "default" is for groups without an entry. auth is api_token, or
    oauth with the client_id and key_id of a service app. Each entry has its own secret, whose value
    a person adds. One service app per group is the strongest form: then no function has the
    permissions of another.
  EOT
  type = map(object({
    auth      = optional(string, "api_token")
    client_id = optional(string)
    key_id    = optional(string)
  }))
  default  = { default = {} }
  nullable = false

  validation {
    condition     = alltrue([for c in values(var.okta_credentials) : contains(["api_token", "oauth"], c.auth)])
    error_message = "auth in okta_credentials must be api_token or oauth."
  }

  validation {
    condition = alltrue([
      for c in values(var.okta_credentials) : (c.auth == "oauth") == (c.client_id != null && c.key_id != null)
    ])
    error_message = join("", [
      "An entry of okta_credentials needs client_id and key_id with auth oauth, and accepts neither with api_token.",
    ])
  }

  validation {
    condition = length(setsubtract(keys(var.okta_credentials), concat(["default"], tolist(var.groups)))) == 0
    error_message = join("", [
      "okta_credentials has entries that are neither default nor one of groups: ",
      "${join(", ", setsubtract(keys(var.okta_credentials), concat(["default"], tolist(var.groups))))}.",
    ])
  }

  validation {
    condition = contains(keys(var.okta_credentials), "default") || alltrue([
      for name, g in jsondecode(file("${path.module}/catalog.json")) :
      contains(keys(var.okta_credentials), name) if g.needs_okta && contains(var.groups, name)
    ])
    error_message = join("", [
      "okta_credentials has no entry for ",
      join(", ", [
        for name, g in jsondecode(file("${path.module}/catalog.json")) : name
        if g.needs_okta && contains(var.groups, name) && !contains(keys(var.okta_credentials), name)
      ]),
      ": add one for each, or default, or leave the groups out of groups.",
    ])
  }
}

variable "okta_limit_share" {
  description = <<-EOT
    Share of each Okta rate limit to use at full speed; the rest is spread until the limit resets
    (OKTA_LIMIT_SHARE).
  EOT
  type        = number
  default     = 0.5
  nullable    = false

  validation {
    condition     = var.okta_limit_share > 0 && var.okta_limit_share <= 1
    error_message = "okta_limit_share is ${var.okta_limit_share}, must be above 0 and at most 1."
  }
}

variable "exceed_okta_concurrency" {
  description = <<-EOT
    Allow the functions more than 35 concurrent calls to Okta together. Okta limits the concurrent
    calls of an org (75 for most orgs); at the limit it refuses the calls of all clients.
  EOT
  type        = bool
  default     = false
  nullable    = false
}

variable "quarantine_group" {
  description = "ID or exact name of the Okta group to which Contain User adds evicted users; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.quarantine_group == null ? true : length(trimspace(var.quarantine_group)) > 0
    error_message = "quarantine_group is ${jsonencode(var.quarantine_group)}, must be an ID or a name, or null."
  }
}

variable "signals" {
  description = <<-EOT
    Signing of risk signals by the signals function (docs/signals.md). publish = true deploys the
    transmitter, a public function that everyone can call: it publishes the public keys, and has no other
    permission. Its URL is the issuer unless issuer_url is set. Without publish, issuer_url is the issuer
    that is registered in Okta, and key_id the key id in its JWKS. operators are the IAM members who may
    add keys: they can sign signals. timestamp_unit is that of event_timestamp: ms, or s. null: each call
    brings its own key.
  EOT
  type = object({
    publish        = optional(bool, false)
    issuer_url     = optional(string)
    key_id         = optional(string)
    operators      = optional(list(string), [])
    timestamp_unit = optional(string, "ms")
  })
  default = null

  validation {
    condition = var.signals == null || can(regex("^https://", coalesce(try(var.signals.issuer_url, null), "https://")))
    error_message = join("", [
      "issuer_url in signals is ${jsonencode(try(var.signals.issuer_url, null))}, must be an https URL, as registered ",
      "in Okta.",
    ])
  }

  validation {
    condition = (
      var.signals == null || try(var.signals.publish, false) ||
      try(var.signals.issuer_url, null) != null && try(var.signals.key_id, null) != null
    )
    error_message = join("", [
      "signals is without publish, and then needs issuer_url and key_id: the issuer that is registered in Okta, and ",
      "the id of the key.",
    ])
  }

  validation {
    condition = var.signals == null || alltrue([
      for m in try(var.signals.operators, []) : can(regex("^(user|group|serviceAccount|principal|principalSet):", m))
    ])
    error_message = join("", [
      "operators in signals is ${jsonencode(try(var.signals.operators, []))}, must be IAM members such as ",
      "group:security@acme.com: they can sign signals.",
    ])
  }

  validation {
    condition     = var.signals == null || contains(["ms", "s"], try(var.signals.timestamp_unit, "ms"))
    error_message = "timestamp_unit in signals is \"${try(var.signals.timestamp_unit, "")}\", must be ms or s."
  }
}

variable "rotation_days" {
  description = <<-EOT
    Days between reminders to rotate each secret. An alert notifies notification_channels; 0: no
    reminders.
  EOT
  type        = number
  default     = 90
  nullable    = false

  # Secret Manager accepts periods from 1 hour to 100 years.
  validation {
    condition = (
      var.rotation_days >= 0 && var.rotation_days <= 36500 && floor(var.rotation_days) == var.rotation_days
    )
    error_message = "rotation_days is ${var.rotation_days}, must be a whole number of days from 1 to 36500, or 0."
  }
}

variable "caller_auth" {
  description = <<-EOT
    How callers are authenticated (CALLER_AUTH): iam by Cloud Run, oidc by an ID token that the
    function verifies, apikey by a key that the function verifies.
  EOT
  type        = string

  validation {
    condition     = contains(["iam", "oidc", "apikey"], var.caller_auth)
    error_message = "caller_auth is \"${var.caller_auth}\", must be iam, oidc or apikey."
  }
}

variable "invokers" {
  description = <<-EOT
    iam: callers of all functions, as IAM members such as
    serviceAccount:soar@acme.iam.gserviceaccount.com. invokers in functions adds callers of one
    group.
  EOT
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([for m in var.invokers : can(regex(local.member, m))])
    error_message = join("", [
      "invokers has ${join(", ", [for m in var.invokers : m if !can(regex(local.member, m))])}: each must be an ",
      "IAM member such as serviceAccount:soar@acme.iam.gserviceaccount.com, and must not be allUsers or ",
      "allAuthenticatedUsers.",
    ])
  }
}

variable "allow_public_invocation" {
  description = <<-EOT
    Let Cloud Run admit every request; the function then authenticates the caller. Required with
    caller_auth oidc and apikey, refused with iam.
  EOT
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition = !var.allow_public_invocation || var.caller_auth != "iam"
    error_message = join("", [
      "allow_public_invocation is true with caller_auth iam: no one would authenticate callers. Set it to false, ",
      "or use oidc or apikey.",
    ])
  }

  # Otherwise Cloud Run replaces the signature of each token that it checks by
  # SIGNATURE_REMOVED_BY_GOOGLE.
  validation {
    condition = var.allow_public_invocation || var.caller_auth == "iam"
    error_message = join("", [
      "caller_auth is ${var.caller_auth}, which needs allow_public_invocation = true (or use caller_auth iam): ",
      "otherwise Cloud Run removes the signature of ID tokens, and the function refuses every Pub/Sub delivery",
      var.caller_auth == "oidc" ? " and every call." : ".",
    ])
  }
}

variable "caller_emails" {
  description = "oidc: e-mail addresses of the service accounts that may call (CALLER_EMAILS)."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = var.caller_auth != "oidc" || length(var.caller_emails) > 0
    error_message = "caller_emails is empty, must list the e-mail addresses of the callers with caller_auth oidc."
  }

  validation {
    condition = var.caller_auth == "oidc" || length(var.caller_emails) == 0
    error_message = join("", [
      "caller_emails is used with caller_auth oidc only, and caller_auth is ${var.caller_auth}: remove it.",
    ])
  }
}

variable "separate_caller_keys" {
  description = <<-EOT
    apikey: one secret of caller keys per group, so that a key for one function is unknown to the
    others. false: one for all.
  EOT
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition = !var.separate_caller_keys || var.caller_auth == "apikey"
    error_message = join("", [
      "separate_caller_keys is used with caller_auth apikey only, and caller_auth is ${var.caller_auth}: remove it.",
    ])
  }
}
