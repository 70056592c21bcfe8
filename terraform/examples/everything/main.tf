# Every setting but caller_emails and invokers, which belong to other values of caller_auth, and guardrails, which
# guardrails_secret replaces.

module "okta" {
  source = "../.."

  project        = var.project
  region         = var.region
  instance       = "prod"
  labels         = { team = "secops" }
  groups         = ["users", "groups", "roles", "sessions", "providers", "logs", "signals", "containment"]
  source_archive = "${path.module}/../../source.zip"
  enable_apis    = true

  build_service_account = var.build_service_account

  # Okta
  okta_url                = var.okta_url
  okta_limit_share        = 0.4
  exceed_okta_concurrency = false
  quarantine_group        = "Quarantine"
  rotation_days           = 60
  okta_credentials = {
    default = {}
    users   = { auth = "oauth", client_id = var.oauth.client_id, key_id = var.oauth.key_id }
  }
  signals = { publish = true, operators = var.operators }

  # Callers
  caller_auth             = "apikey"
  allow_public_invocation = true # the functions check the key of each request
  separate_caller_keys    = true
  guardrails_secret       = true
  guardrails_writers      = var.operators
  publishers              = { users = [for account in var.publishers : "serviceAccount:${account}"] }

  # Functions and messages
  functions = {
    users = { memory = "1Gi", min_instances = 1, max_instances = 2 }
    logs  = { ingress = "ALLOW_INTERNAL_AND_GCLB" } # refuses calls from the internet
  }
  request_deadline = 90
  max_targets      = 50
  subscription     = { retention_hours = 12, max_deliveries = 10 }
  static_egress    = true
  egress_range     = "10.132.0.0/26"

  # Stored data
  kms_keys            = var.kms_keys
  secret_locations    = var.secret_locations
  retention_days      = { results = 14, dead_letters = 31 }
  deletion_protection = true

  # Alerts and the audit
  notification_channels = var.notification_channels
  runbooks_url          = "https://wiki.acme.test/okta/runbooks"
  no_traffic_hours      = 0 # each Ping is a message: the alert on availability replaces this one
  alerts                = { error_percent = 2, error_calls = 5 }
  ping                  = { minutes = 60 }
  audit_logins          = "hashed"
  audit_retention_days  = 400
  audit_only_in_bucket  = true
  lock_audit            = false # true cannot be undone

  # SecOps
  secops               = { instance = var.secops.instance, location = var.secops.location }
  secops_log_type      = var.secops.log_type
  secops_feed          = "pubsub"
  secops_push_endpoint = var.secops.push_endpoint
}

output "invoke" {
  description = "Command that pings each function; KEY is a key of its secret of caller keys."
  value       = module.okta.invoke
}

output "secrets" {
  description = "Secrets that need a version before the first call."
  value       = module.okta.secrets
}

output "egress_address" {
  description = "Static address for a network zone in Okta."
  value       = module.okta.egress_address
}

output "transmitter" {
  description = "URLs of the transmitter, to register in Okta."
  value       = module.okta.transmitter
}
