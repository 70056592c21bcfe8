# The instance is part of all names, so that each resource belongs to one org.
module "org" {
  source   = "../.."
  for_each = var.orgs

  instance              = each.key
  project               = var.project
  region                = var.region
  okta_url              = each.value.okta_url
  caller_auth           = "iam"
  invokers              = [for account in each.value.callers : "serviceAccount:${account}"]
  build_service_account = var.build_service_account
  notification_channels = var.notification_channels
}

output "invoke" {
  description = "Command that pings each function, by org."
  value       = { for name, org in module.org : name => org.invoke }
}

output "secrets" {
  description = "Secrets that need a version before the first call, by org."
  value       = { for name, org in module.org : name => org.secrets }
}
