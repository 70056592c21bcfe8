# The transmitter publishes the public keys of the signals, from which Okta fetches them. Everyone can
# call it, so that it can read one secret, which holds public keys only, and has no other permission.

locals {
  publishes       = local.signs && try(var.signals.publish, false)
  transmitter_url = "https://${local.prefix}-transmitter-${data.google_project.this.number}.${var.region}.run.app"
  issuer          = local.signs ? coalesce(var.signals.issuer_url, local.transmitter_url) : null
}

module "transmitter" {
  source = "./modules/function"
  count  = local.publishes ? 1 : 0

  name        = "${local.prefix}-transmitter"
  description = "Publishes the public keys of the signals. Everyone can call it."
  target      = "OktaTransmitter"
  project     = var.project
  region      = var.region
  labels      = merge(local.labels, { group = "transmitter" })
  settings    = merge(local.standard, { max_instances = 2, timeout = 30 })
  environment = {
    ITP_ISSUER_URL         = local.issuer
    ITP_JWKS_URL           = "${local.transmitter_url}/jwks.json"
    ITP_PUBLIC_KEYS_SECRET = "projects/${var.project}/secrets/${local.prefix}-public-keys/versions/latest"
    GOOGLE_CLOUD_PROJECT   = var.project
  }
  build_service_account = var.build_service_account
  network               = null
  invokers              = { public = "allUsers" }
  deletion_policy       = local.deletion_policy
  source_archive = {
    bucket = google_storage_bucket.source.name
    object = google_storage_bucket_object.source.name
  }

  depends_on = [google_project_service.needed, google_storage_bucket_iam_member.builder]
}

output "transmitter" {
  description = "URLs of the public transmitter, and the secrets of its keys; null without publish in signals."
  value = !local.publishes ? null : {
    note           = "Public: everyone can call these URLs. Whoever can add a version to one of the secrets can sign signals."
    issuer         = local.issuer
    well_known_url = "${local.transmitter_url}/.well-known/ssf-configuration"
    jwks_url       = "${local.transmitter_url}/jwks.json"
    signing_key    = module.secrets.signing_key
    public_keys    = module.secrets.public_keys
  }
}
