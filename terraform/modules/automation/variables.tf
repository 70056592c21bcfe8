variable "prefix" {
  description = "Beginning of all names."
  type        = string
}

variable "labels" {
  description = "Labels of topics, subscriptions and the bucket."
  type        = map(string)
}

variable "project" {
  description = "Project, by id and number."
  type        = object({ id = string, number = string })
}

variable "region" {
  description = "Region of the bucket, and of the messages at rest."
  type        = string
}

variable "groups" {
  description = "Groups that have a topic."
  type        = set(string)
}

variable "subscription" {
  description = "How messages are delivered; seconds, hours and deliveries."
  type = object({
    ack_deadline    = number
    retention_hours = number
    min_backoff     = number
    max_backoff     = number
    max_deliveries  = number
  })
}

variable "publishers" {
  description = "Who may publish to the topic of a group, as IAM members."
  type        = map(list(string))
}

variable "functions" {
  description = "URL without a path, and service account as an IAM member, of each function by group."
  type        = map(object({ url = string, member = string }))
}
