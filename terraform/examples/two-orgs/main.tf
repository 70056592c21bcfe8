# The instance is part of all names, so the two share no resource, no secret and no account.

module "emea" {
  source = "../.."

  instance              = "emea"
  project               = var.project
  region                = var.region
  okta_url              = var.okta_urls.emea
  caller_auth           = "iam"
  invokers              = [for account in var.callers.emea : "serviceAccount:${account}"]
  build_service_account = var.build_service_account
  notification_channels = var.notification_channels
}

module "amer" {
  source = "../.."

  instance              = "amer"
  project               = var.project
  region                = var.region
  okta_url              = var.okta_urls.amer
  caller_auth           = "iam"
  invokers              = [for account in var.callers.amer : "serviceAccount:${account}"]
  build_service_account = var.build_service_account
  notification_channels = var.notification_channels
}

output "invoke" {
  description = "Command that pings each function, by org."
  value       = { emea = module.emea.invoke, amer = module.amer.invoke }
}

output "secrets" {
  description = "Secrets that need a version before the first call, by org."
  value       = { emea = module.emea.secrets, amer = module.amer.secrets }
}
