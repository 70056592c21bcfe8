# Alerts and the audit.

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
  description = "URL of docs/runbooks, for links in the alerts; empty: the alerts name the file."
  type        = string
  default     = ""
  nullable    = false
}

variable "no_traffic_hours" {
  description = "Hours without a call or message after which an alert fires, from 1 to 23; 0: no such alert."
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
