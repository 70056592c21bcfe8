variable "prefix" {
  description = "Beginning of all names."
  type        = string
}

variable "labels" {
  description = "Labels of the alert policies."
  type        = map(string)
}

variable "project" {
  description = "Id of the project."
  type        = string
}

variable "region" {
  description = "Region of the log bucket and of Cloud Scheduler."
  type        = string
}

variable "services" {
  description = "Names of the Cloud Run services of the functions."
  type        = list(string)
}

variable "subscriptions" {
  description = "Names of the push subscriptions."
  type        = list(string)
}

variable "dead_letters" {
  description = "Name of the subscription that keeps the dead letters."
  type        = string
}

variable "rotation" {
  description = "Name of the subscription that keeps the reminders to rotate secrets; null: none."
  type        = string
}

variable "notification_channels" {
  description = "Notification channels of the alerts."
  type        = list(string)
}

variable "runbooks_url" {
  description = "URL of docs/runbooks; empty: the alerts name the file, and link to the dashboard only."
  type        = string
}

variable "alerts" {
  description = "Thresholds of the alerts, and the number of calls that they need."
  type = object({
    error_percent          = number
    error_calls            = number
    latency_percent        = number
    latency_calls          = number
    window_minutes         = number
    unacknowledged_minutes = number
  })
}

variable "ping" {
  description = "Minutes between two scheduled Pings of a function; null: none."
  type        = object({ minutes = number })
}

variable "topics" {
  description = "Full name of the topic of each group, to which Pings are published."
  type        = map(string)
}

variable "no_traffic_hours" {
  description = "Hours without traffic after which an alert fires; 0: no such alert."
  type        = number
}

variable "request_deadline" {
  description = "Deadline of one request, in seconds."
  type        = number
}

variable "audit" {
  description = "Retention of the audit in days, whether it is locked, and whether _Default has no copy of it."
  type        = object({ retention_days = number, locked = bool, only_in_bucket = bool })
}
