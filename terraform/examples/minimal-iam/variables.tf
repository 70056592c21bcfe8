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

variable "caller" {
  description = "Service account that may call the functions, by e-mail address: docs/deploy.md, step 1.5."
  type        = string
}
