variable "prefix" {
  description = "Beginning of all names."
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
  description = "Addresses of the functions, by group."
  type        = map(string)
}

variable "caller_auth" {
  description = "How callers are authenticated."
  type        = string
}

variable "results_topic" {
  description = "Topic of results, in full."
  type        = string
}

variable "dead_letter_topic" {
  description = "Full name of the dead-letter topic, for results that SecOps does not accept."
  type        = string
}

variable "instance" {
  description = "SecOps instance: its id, its location and, if another, its project; null: none."
  type        = object({ instance = string, location = string, project = optional(string) })
}

variable "log_type" {
  description = "Log type of the feed; null: no feed."
  type        = string
}

variable "form" {
  description = "Form of the feed: pubsub or webhook."
  type        = string
}

variable "push_endpoint" {
  description = "Endpoint that SecOps shows for the feed; null: not yet known."
  type        = string
}

variable "backoff" {
  description = "Backoff of the subscription, in seconds."
  type        = object({ min = number, max = number })
}
