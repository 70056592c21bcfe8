variable "prefix" {
  description = "Beginning of all names."
  type        = string
}

variable "labels" {
  description = "Labels of the secrets."
  type        = map(string)
}

variable "project" {
  description = "Id and number of the project."
  type        = object({ id = string, number = string })
}

variable "credentials" {
  description = "Names of the Okta credentials: groups, or default."
  type        = set(string)
}

variable "signing_key" {
  description = "Whether to create the secret of the key that signs signals."
  type        = bool
}

variable "publication" {
  description = "The member that reads the public keys of the signals; null: they are not published."
  type        = object({ reader = string })
}

variable "key_operators" {
  description = "IAM members with the permission to add keys that sign signals."
  type        = set(string)
}

variable "caller_keys" {
  description = "Names of the secrets of caller keys."
  type        = set(string)
}

variable "rotation_days" {
  description = "Days between reminders; 0: none."
  type        = number
}

variable "readers" {
  description = "Secrets that each function reads, by group; caller_keys is a name, or null."
  type = map(object({
    member      = string
    credential  = string
    signing_key = bool
    caller_keys = string
  }))
}

variable "guardrails" {
  description = "Whether the policy of the guardrails is in a secret, and the members who may add versions of it."
  type        = object({ secret = bool, writers = set(string) })
}

variable "locations" {
  description = "Regions that store the values; empty: Google chooses them."
  type        = set(string)
}

variable "kms_keys" {
  description = "Key of each location, or of global without locations; empty: Google's keys."
  type        = map(string)
}

variable "topic_kms_key" {
  description = "Key of the topic of reminders; null: Google's."
  type        = string
}

variable "deletion_policy" {
  description = "Deletion policy of the secrets: DELETE, or PREVENT to refuse their deletion."
  type        = string
}
