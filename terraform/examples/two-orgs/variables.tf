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

variable "orgs" {
  description = "Okta orgs by the name of their instance: the URL, and the service accounts that may call, by e-mail address."
  type        = map(object({ okta_url = string, callers = list(string) }))
}
