variable "name" {
  description = "Name of the function, its service and its service account."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.name))
    error_message = "The name of a function must fit a service account's: 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "description" {
  description = "What the actions of the group are for."
  type        = string
}

variable "target" {
  description = "Function target in the source, such as OktaUsers."
  type        = string
}

variable "project" {
  description = "Project, by its id."
  type        = string
}

variable "region" {
  description = "Region of the function."
  type        = string
}

variable "labels" {
  description = "Labels of the function."
  type        = map(string)
}

variable "settings" {
  description = "What an instance has, how many there are, and how the function is reached."
  type = object({
    memory           = string
    cpu              = string
    concurrency      = number
    timeout          = number
    min_instances    = number
    max_instances    = number
    okta_concurrency = number
    ingress          = string
  })
}

variable "environment" {
  description = "Settings of the function (docs/configuration.md): references to secrets, never a secret."
  type        = map(string)
}

variable "source_archive" {
  description = "Bucket and object of the source."
  type        = object({ bucket = string, object = string })
}

variable "build_service_account" {
  description = "Service account that builds, by e-mail address; null: the project's default one."
  type        = string
}

variable "network" {
  description = "Network and subnetwork to call out through; null: none."
  type        = object({ network = string, subnetwork = string })
}

variable "invokers" {
  description = "Who may call, as IAM members."
  type        = list(string)
}
