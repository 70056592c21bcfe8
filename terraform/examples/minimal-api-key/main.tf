module "okta" {
  source = "../.."

  project                 = var.project
  region                  = var.region
  okta_url                = var.okta_url
  caller_auth             = "apikey"
  allow_public_invocation = true # the functions check the key of each request
  build_service_account   = var.build_service_account
  notification_channels   = var.notification_channels
}

output "invoke" {
  description = "Command that pings each function; KEY is a key of the secret okta-caller-keys."
  value       = module.okta.invoke
}

output "secrets" {
  description = "Secrets that need a version before the first call."
  value       = module.okta.secrets
}
