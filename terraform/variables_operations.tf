# Alerts, scheduled Pings and the audit.

variable "notification_channels" {
  description = "Notification channels of the alerts, by name (projects/P/notificationChannels/N)."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for c in var.notification_channels : can(regex("^projects/[^/\\s]+/notificationChannels/[0-9]+$", c))
    ])
    error_message = join("", [
      "notification_channels is ${jsonencode(var.notification_channels)}: each must be the full name of a channel, ",
      "projects/P/notificationChannels/N, as listed by: gcloud beta monitoring channels list.",
    ])
  }
}

variable "runbooks_url" {
  description = <<-EOT
    URL of docs/runbooks, for links in the alerts, such as
    https://github.com/acme/okta-secops/blob/main/docs/runbooks. Empty: the alerts name the file, and
    link to the dashboard only.
  EOT
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.runbooks_url == "" || can(regex("^https://[^\\s?#]+$", var.runbooks_url))
    error_message = "runbooks_url is ${jsonencode(var.runbooks_url)}, must be an https URL without ? and #, or empty."
  }
}

variable "alerts" {
  description = <<-EOT
    Thresholds of the alerts. Errors: more than error_percent of the calls of a function in
    window_minutes end with a 5xx, and at least error_calls do. Latency: 95 % of the calls take longer
    than latency_percent of request_deadline, and there are at least latency_calls. Messages: one waits
    for more than unacknowledged_minutes. The other alerts fire at the first event.
  EOT
  type = object({
    error_percent          = optional(number, 5)
    error_calls            = optional(number, 3)
    latency_percent        = optional(number, 50)
    latency_calls          = optional(number, 5)
    window_minutes         = optional(number, 15)
    unacknowledged_minutes = optional(number, 15)
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([for p in ["error_percent", "latency_percent"] : var.alerts[p] > 0 && var.alerts[p] < 100])
    error_message = join("", [
      "error_percent and latency_percent in alerts are ${var.alerts.error_percent} and ${var.alerts.latency_percent}, ",
      "must be above 0 and below 100: otherwise the alert never fires.",
    ])
  }

  validation {
    condition = alltrue([
      for n in ["error_calls", "latency_calls"] : var.alerts[n] >= 1 && floor(var.alerts[n]) == var.alerts[n]
    ])
    error_message = join("", [
      "error_calls and latency_calls in alerts are ${var.alerts.error_calls} and ${var.alerts.latency_calls}, must be ",
      "whole numbers of at least 1.",
    ])
  }

  validation {
    condition = alltrue([
      for m in ["window_minutes", "unacknowledged_minutes"] :
      var.alerts[m] >= 5 && var.alerts[m] <= 1080 && floor(var.alerts[m]) == var.alerts[m]
    ])
    error_message = join("", [
      "window_minutes and unacknowledged_minutes in alerts are ${var.alerts.window_minutes} and ",
      "${var.alerts.unacknowledged_minutes}, must be whole numbers from 5 to 1080 (18 h): messages are kept for less ",
      "than a day.",
    ])
  }
}

variable "ping" {
  description = <<-EOT
    Scheduled Pings: minutes is the time between two Pings of a function. Cloud Scheduler publishes them
    to the topic of each group. They keep an API token of Okta in use, which otherwise expires after 30
    days, and an alert fires if they fail or stop for three times minutes. Each Ping is a call with a
    record and a result. null: no Pings.
  EOT
  type        = object({ minutes = optional(number, 30) })
  default     = null

  # Cron repeats these at equal distances, and three of the longest are less than a day.
  validation {
    condition = var.ping == null || contains(
      [5, 10, 15, 20, 30, 60, 120, 180, 240, 360], try(var.ping.minutes, 30)
    )
    error_message = join("", [
      "minutes in ping is ${try(var.ping.minutes, "")}, must be 5, 10, 15, 20, 30, 60, 120, 180, 240 or 360.",
    ])
  }
}

variable "no_traffic_hours" {
  description = <<-EOT
    Hours without a call or message after which an alert fires, from 1 to 23; 0: no such alert. Pings
    are messages.
  EOT
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition = (
      var.no_traffic_hours >= 0 && var.no_traffic_hours <= 23 && floor(var.no_traffic_hours) == var.no_traffic_hours
    )
    error_message = "no_traffic_hours is ${var.no_traffic_hours}, must be a whole number from 0 to 23."
  }
}

variable "audit_logins" {
  description = "How the audit names users: plain or hashed (AUDIT_LOGINS)."
  type        = string
  default     = "plain"
  nullable    = false

  validation {
    condition     = contains(["plain", "hashed"], var.audit_logins)
    error_message = "audit_logins is \"${var.audit_logins}\", must be plain or hashed."
  }
}

variable "audit_retention_days" {
  description = "Days that the audit is kept in its log bucket."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition = (
      var.audit_retention_days >= 1 && var.audit_retention_days <= 3650 &&
      floor(var.audit_retention_days) == var.audit_retention_days
    )
    error_message = "audit_retention_days is ${var.audit_retention_days}, must be a whole number from 1 to 3650."
  }
}

variable "lock_audit" {
  description = <<-EOT
    Lock the retention of the audit: then no one, including the operator of this deployment, can
    shorten it or delete the bucket before its entries have expired. A lock cannot be removed: set
    it to true once the deployment is in production.
  EOT
  type        = bool
  default     = false
  nullable    = false
}

variable "audit_only_in_bucket" {
  description = <<-EOT
    Keep the audit in its log bucket only, and not also in _Default, which costs its storage twice. Then
    Logs Explorer and gcloud logging read show audit records only for the view of the audit bucket, to
    readers with roles/logging.viewAccessor on it, and no second copy exists if the sink or the bucket is
    deleted. Alerts and the dashboard count the records as before.
  EOT
  type        = bool
  default     = false
  nullable    = false
}
