variable "prefix" {
  description = "Beginning of all names."
  type        = string
}

variable "labels" {
  description = "Labels of topics, subscriptions and the bucket."
  type        = map(string)
}

variable "project" {
  description = "Id and number of the project."
  type        = object({ id = string, number = string })
}

variable "region" {
  description = "Region of the bucket and of stored messages."
  type        = string
}

variable "groups" {
  description = "Groups that have a topic."
  type        = set(string)
}

variable "subscription" {
  description = "Delivery of messages, in seconds, hours and deliveries."
  type = object({
    ack_deadline    = number
    retention_hours = number
    min_backoff     = number
    max_backoff     = number
    max_deliveries  = number
  })
}

variable "publishers" {
  description = "IAM members that may publish to the topic of a group, by group."
  type        = map(list(string))
}

variable "functions" {
  description = "URL without a path, and service account as an IAM member, of each function by group."
  type        = map(object({ url = string, member = string }))
}

variable "retention_days" {
  description = "Days that results and dead letters are kept until they are acknowledged."
  type        = object({ results = number, dead_letters = number })
}

variable "kms_keys" {
  description = "Keys of the bucket and of the topics; null: Google's."
  type        = object({ storage = string, pubsub = string })
}

variable "deletion_policy" {
  description = "Deletion policy of the bucket, of the topics of results and dead letters, and of the subscriptions that keep them: DELETE, or PREVENT to refuse their deletion."
  type        = string
}
