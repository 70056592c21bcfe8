# What callers may change: docs/guardrails.md.

variable "guardrails" {
  description = <<-EOT
    Policy of the guardrails, as in docs/guardrails.md. null with guardrails_secret null: callers may assign every
    standard role but SUPER_ADMIN and ORG_ADMIN, and change 100 users an hour. per_action holds other values of four
    limits by the slug of the action. A change of this variable redeploys the functions; guardrails_secret does not.
  EOT
  type = object({
    protected = optional(list(object({
      id      = string
      reason  = string
      users   = optional(list(string))
      groups  = optional(list(string))
      roles   = optional(list(string))
      profile = optional(map(list(string)))
      actions = optional(list(string))
    })))
    assignable_roles     = optional(list(string))
    denied_actions       = optional(list(string))
    deactivate           = optional(string)
    max_targets_per_call = optional(number)
    max_users_per_hour   = optional(number)
    per_action = optional(map(object({
      assignable_roles     = optional(list(string))
      deactivate           = optional(string)
      max_targets_per_call = optional(number)
      max_users_per_hour   = optional(number)
    })), {})
    callers = optional(map(object({
      assignable_roles     = optional(list(string))
      denied_actions       = optional(list(string))
      deactivate           = optional(string)
      max_targets_per_call = optional(number)
      max_users_per_hour   = optional(number)
    })))
    mode           = optional(string)
    freeze         = optional(string)
    override       = optional(object({ until = string, rules = list(string), reason = string }))
    disabled_rules = optional(list(string))
  })
  default = null
}

variable "guardrails_secret" {
  description = <<-EOT
    Whether the policy is in a secret, so that it changes within 30 s and without a redeploy. Terraform creates the
    secret without a value; until a version is added the functions refuse every change.
  EOT
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.guardrails_secret || var.guardrails == null
    error_message = "guardrails and guardrails_secret are both set: put the policy into the secret, or into guardrails."
  }
}

variable "guardrails_writers" {
  description = "Members who may add versions to the secret of guardrails_secret, and so decide what callers may change."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.guardrails_writers) == 0 || var.guardrails_secret
    error_message = "guardrails_writers is set, but guardrails_secret is false: there is no secret to write."
  }
  validation {
    condition = alltrue([
      for m in var.guardrails_writers : can(regex("^(user|group|serviceAccount|principal|principalSet):\\S+$", m))
    ])
    error_message = join("", [
      "guardrails_writers is ${jsonencode(var.guardrails_writers)}: each must be a member, ",
      "such as group:secops@example.com.",
    ])
  }
}
