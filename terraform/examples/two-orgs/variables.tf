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

variable "okta_urls" {
  description = "URLs of the two Okta orgs."
  type        = object({ emea = string, amer = string })
}

variable "callers" {
  description = "Service accounts that may call the functions of each org, by e-mail address."
  type        = object({ emea = list(string), amer = list(string) })
}
