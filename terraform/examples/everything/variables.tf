variable "project" {
  description = "Id of the project to deploy to."
  type        = string
}

variable "region" {
  description = "Region, as listed by: gcloud run regions list."
  type        = string
}

variable "build_service_account" {
  description = "Account that builds the functions: docs/deploy.md, step 1.4."
  type        = string
}

variable "notification_channels" {
  description = "Notification channels of the alerts, as listed by: gcloud beta monitoring channels list."
  type        = list(string)
}

variable "okta_url" {
  description = "URL of the Okta org, such as https://acme.okta.com."
  type        = string
}

variable "operators" {
  description = "IAM members who add keys of signals and versions of the guardrails, such as group:soc@acme.com."
  type        = list(string)
}

variable "publishers" {
  description = "Service accounts that request user actions by message, by e-mail address."
  type        = list(string)
}

variable "oauth" {
  description = "Service app of the users function: its client id, and the id of its key."
  type        = object({ client_id = string, key_id = string })
}

variable "kms_keys" {
  description = "Cloud KMS keys by full name, which the service agents may use: storage and pubsub, and one for each region of secrets."
  type        = object({ storage = string, pubsub = string, secrets = list(string) })
}

variable "secret_locations" {
  description = "Regions that store the secrets."
  type        = set(string)
}

variable "secops" {
  description = "SecOps instance that takes the results: its id, location and log type, and the endpoint of the feed."
  type        = object({ instance = string, location = string, log_type = string, push_endpoint = string })
}
