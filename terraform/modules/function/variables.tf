variable "name" {
  description = "Name of the function, its service and its service account."
  type        = string

  validation {
    condition = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.name))
    error_message = join("", [
      "name is \"${var.name}\", must be a valid service account id: 6 to 30 lower-case letters, digits and hyphens.",
    ])
  }
}

variable "description" {
  description = "Purpose of the actions of the group."
  type        = string
}

variable "target" {
  description = "Function target in the source, such as OktaUsers."
  type        = string
}

variable "project" {
  description = "Id of the project."
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
  description = "Resources and number of instances, timeout in seconds, and ingress."
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
  description = <<-EOT
    Environment variables of the function (docs/configuration.md): references to secrets, never
    secret values.
  EOT
  type        = map(string)
}

variable "source_archive" {
  description = "Bucket and object of the source."
  type        = object({ bucket = string, object = string })
}

variable "build_service_account" {
  description = "E-mail address of the service account that builds; null: the project's default one."
  type        = string
}

variable "network" {
  description = "Network and subnetwork of outgoing calls; null: none."
  type        = object({ network = string, subnetwork = string })
}

variable "invokers" {
  description = "IAM members that may call, each under a key that is known before apply."
  type        = map(string)
}

variable "deletion_policy" {
  description = "Deletion policy of the function: DELETE, or PREVENT to refuse its deletion."
  type        = string
}
