variable "prefix" {
  description = "Prefix of all names."
  type        = string
}

variable "labels" {
  description = "Labels of the subscription."
  type        = map(string)
}

variable "project" {
  description = "Project, by id and number."
  type        = object({ id = string, number = string })
}

variable "catalog" {
  description = "Groups and their actions, from catalog.json."
  type        = any
}

variable "urls" {
  description = "URL of each function without a path, by group."
  type        = map(string)
}

variable "caller_auth" {
  description = "Authentication of callers: iam, oidc or apikey."
  type        = string
}

variable "results_topic" {
  description = "Full name of the topic of results."
  type        = string
}

variable "dead_letter_topic" {
  description = "Full name of the dead-letter topic, for results that SecOps does not accept."
  type        = string
}

variable "instance" {
  description = "SecOps instance: ID, location, and project if it is another one; null: no SecOps instance."
  type        = object({ instance = string, location = string, project = optional(string) })
}

variable "log_type" {
  description = "ID of the feed's log type, such as OKTA_ACTION_RESULT; null: no feed."
  type        = string
}

variable "form" {
  description = "Form of the feed: pubsub or webhook."
  type        = string
}

variable "push_endpoint" {
  description = "Endpoint that SecOps shows for the feed; null: no delivery yet."
  type        = string
}

variable "backoff" {
  description = "Backoff of the subscription, in seconds."
  type        = object({ min = number, max = number })
}

variable "retention_days" {
  description = "Days that the subscription keeps results that SecOps has not accepted."
  type        = number
}
