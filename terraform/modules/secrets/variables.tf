variable "prefix" {
  description = "Beginning of all names."
  type        = string
}

variable "labels" {
  description = "Labels of the secrets."
  type        = map(string)
}

variable "project" {
  description = "Project, by id and number."
  type        = object({ id = string, number = string })
}

variable "credentials" {
  description = "Names of the Okta credentials: groups, or default."
  type        = set(string)
}

variable "signing_key" {
  description = "Whether there is a key that signs signals."
  type        = bool
}

variable "caller_keys" {
  description = "Whether there are keys of callers."
  type        = bool
}

variable "rotation_days" {
  description = "Days between reminders; 0: none."
  type        = number
}

variable "readers" {
  description = "Which secrets each function reads, by group."
  type = map(object({
    member      = string
    credential  = string
    signing_key = bool
    caller_keys = bool
  }))
}
