# The functions, and the messages that reach them.

variable "functions" {
  description = <<-EOT
    Settings of the function of a group that differ from the defaults: memory, cpu, concurrency
    (requests per instance), timeout in seconds, instances, okta_concurrency (concurrent calls to
    Okta per instance), ingress, and invokers (with caller_auth iam: callers of this function only,
    in addition to invokers).
  EOT
  type = map(object({
    memory           = optional(string)
    cpu              = optional(string)
    concurrency      = optional(number)
    timeout          = optional(number)
    min_instances    = optional(number)
    max_instances    = optional(number)
    okta_concurrency = optional(number)
    ingress          = optional(string)
    invokers         = optional(list(string), [])
  }))
  default  = {}
  nullable = false

  validation {
    condition = length(setsubtract(keys(var.functions), var.groups)) == 0
    error_message = join("", [
      "functions has entries that are not one of groups: ",
      "${join(", ", setsubtract(keys(var.functions), var.groups))}.",
    ])
  }

  validation {
    condition = alltrue([
      for f in values(var.functions) :
      contains(["ALLOW_ALL", "ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"], coalesce(f.ingress, "ALLOW_ALL"))
    ])
    error_message = "ingress in functions must be ALLOW_ALL, ALLOW_INTERNAL_AND_GCLB or ALLOW_INTERNAL_ONLY."
  }

  validation {
    condition = alltrue([for m in flatten([for f in values(var.functions) : f.invokers]) : can(regex(local.member, m))])
    error_message = join("", [
      "invokers in functions has ",
      join(", ", [for m in flatten([for f in values(var.functions) : f.invokers]) : m if !can(regex(local.member, m))]),
      ": each must be an IAM member such as serviceAccount:soar@acme.iam.gserviceaccount.com, and must not be ",
      "allUsers or allAuthenticatedUsers.",
    ])
  }
}

variable "request_deadline" {
  description = "Deadline of one request, in seconds (REQUEST_DEADLINE). SecOps waits 120 s for a response."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition = var.request_deadline >= 1 && var.request_deadline <= 535
    error_message = join("", [
      "request_deadline is ${var.request_deadline}, must be from 1 to 535 seconds: 5 s below the timeout of the ",
      "functions.",
    ])
  }
}

variable "max_targets" {
  description = <<-EOT
    Maximum number of targets of one call that changes something (MAX_TARGETS). A read accepts 10
    times as many names.
  EOT
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.max_targets >= 1 && var.max_targets <= 10000 && floor(var.max_targets) == var.max_targets
    error_message = "max_targets is ${var.max_targets}, must be a whole number from 1 to 10,000."
  }
}

variable "publishers" {
  description = "IAM members that may request the actions of a group by message, by group."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition = length(setsubtract(keys(var.publishers), var.groups)) == 0
    error_message = join("", [
      "publishers has entries that are not one of groups: ",
      "${join(", ", setsubtract(keys(var.publishers), var.groups))}.",
    ])
  }

  validation {
    condition = alltrue([for m in flatten(values(var.publishers)) : can(regex(local.member, m))])
    error_message = join("", [
      "publishers has ",
      "${join(", ", [for m in flatten(values(var.publishers)) : m if !can(regex(local.member, m))])}: each must ",
      "be an IAM member such as serviceAccount:detections@acme.iam.gserviceaccount.com, and must not be allUsers ",
      "or allAuthenticatedUsers.",
    ])
  }
}

variable "subscription" {
  description = <<-EOT
    Delivery of messages: ack_deadline in seconds, retention_hours, min_backoff and max_backoff in
    seconds, and max_deliveries, after which a message is sent to the dead-letter topic unprocessed.
  EOT
  type = object({
    ack_deadline    = optional(number, 600)
    retention_hours = optional(number, 20)
    min_backoff     = optional(number, 10)
    max_backoff     = optional(number, 600)
    max_deliveries  = optional(number, 20)
  })
  default  = {}
  nullable = false

  # Limits of Pub/Sub:
  # https://docs.cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions
  validation {
    condition = (
      var.subscription.ack_deadline >= 10 && var.subscription.ack_deadline <= 600 &&
      floor(var.subscription.ack_deadline) == var.subscription.ack_deadline
    )
    error_message = join("", [
      "ack_deadline in subscription is ${var.subscription.ack_deadline}, must be a whole number from 10 to 600 ",
      "seconds.",
    ])
  }

  validation {
    condition = var.subscription.ack_deadline > var.request_deadline + 5
    error_message = join("", [
      "ack_deadline in subscription is ${var.subscription.ack_deadline}, must be above request_deadline and 5 s ",
      "(${var.request_deadline + 5}): otherwise Pub/Sub delivers a message again while it is processed.",
    ])
  }

  validation {
    condition = var.subscription.retention_hours * 3600 >= 600
    error_message = join("", [
      "retention_hours in subscription is ${var.subscription.retention_hours}, must be at least 10 minutes (0.17).",
    ])
  }

  validation {
    condition = var.subscription.retention_hours < 24
    error_message = join("", [
      "retention_hours in subscription is ${var.subscription.retention_hours}, must be below 24: idempotency ",
      "records expire after 24 hours, and an older message could take effect twice.",
    ])
  }

  validation {
    condition = (
      var.subscription.min_backoff >= 0 && var.subscription.max_backoff <= 600 &&
      var.subscription.min_backoff <= var.subscription.max_backoff
    )
    error_message = join("", [
      "min_backoff and max_backoff in subscription are ${var.subscription.min_backoff} and ",
      "${var.subscription.max_backoff}, must be from 0 to 600 seconds, and min_backoff at most max_backoff.",
    ])
  }

  validation {
    condition = (
      var.subscription.max_deliveries >= 5 && var.subscription.max_deliveries <= 100 &&
      floor(var.subscription.max_deliveries) == var.subscription.max_deliveries
    )
    error_message = join("", [
      "max_deliveries in subscription is ${var.subscription.max_deliveries}, must be a whole number from 5 to 100.",
    ])
  }
}
