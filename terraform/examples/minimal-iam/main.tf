module "okta" {
  source = "../.."

  project               = var.project
  region                = var.region
  okta_url              = var.okta_url
  caller_auth           = "iam"
  invokers              = ["serviceAccount:${var.caller}"]
  build_service_account = var.build_service_account
  notification_channels = var.notification_channels
}

output "invoke" {
  description = "Command that pings each function as the caller."
  value       = module.okta.invoke
}

output "secrets" {
  description = "Secrets that need a version before the first call."
  value       = module.okta.secrets
}
