variable "prefix" {
  description = "Beginning of all names."
  type        = string
}

variable "labels" {
  description = "Labels of the alert policies."
  type        = map(string)
}

variable "project" {
  description = "Project, by its id."
  type        = string
}

variable "region" {
  description = "Region of the log bucket."
  type        = string
}

variable "services" {
  description = "Cloud Run services of the functions, by name."
  type        = list(string)
}

variable "subscriptions" {
  description = "Push subscriptions, by name."
  type        = list(string)
}

variable "dead_letters" {
  description = "Subscription that keeps the dead letters, by name."
  type        = string
}

variable "notification_channels" {
  description = "Notification channels of the alerts."
  type        = list(string)
}

variable "runbooks_url" {
  description = "Address of docs/runbooks; empty: the alerts name the file."
  type        = string
}

variable "no_traffic_hours" {
  description = "Hours without traffic after which there is an alert; 0: none."
  type        = number
}

variable "request_deadline" {
  description = "Time for one request, in seconds."
  type        = number
}

variable "audit" {
  description = "How long the audit is kept, and whether that is locked."
  type        = object({ retention_days = number, locked = bool })
}
