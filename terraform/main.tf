# Everything of one deployment: for one Okta org, one function for each group of actions, and what it needs.

locals {
  catalog = { for name, g in jsondecode(file("${path.module}/catalog.json")) : name => g if contains(var.groups, name) }

  # okta-users, or okta-emea-users where the instance is emea.
  prefix = var.instance == "" ? "okta" : "okta-${var.instance}"
  labels = merge(var.labels, { app = "okta-secops", instance = var.instance == "" ? "default" : var.instance })

  # Together at most 35 calls to Okta at once, less than half of what Okta allows an org.
  standard = {
    memory = "512Mi", cpu = "1", concurrency = 80, timeout = 540, min_instances = 0, max_instances = 1, okta_concurrency = 4, ingress = "ALLOW_ALL"
  }
  by_group = {
    users    = { max_instances = 2, okta_concurrency = 6 }
    sessions = { okta_concurrency = 6 }
  }
  functions = {
    for name in keys(local.catalog) : name => merge(
      local.standard, try(local.by_group[name], {}), { for k, v in try(var.functions[name], {}) : k => v if v != null }
    )
  }

  # What signs in to Okta for each group: its own entry, or the default one.
  credential = { for name, g in local.catalog : name => contains(keys(var.okta_credentials), name) ? name : "default" if g.needs_okta }

  # With iam Cloud Run checks who pushes; otherwise the function does, and has to know its own address before it has one.
  checks_itself = var.caller_auth != "iam"
  url           = { for name in keys(local.catalog) : name => "https://${local.prefix}-${name}-${data.google_project.this.number}.${var.region}.run.app" }

  environment = {
    for name, g in local.catalog : name => merge(
      {
        OKTA_API_ROOT        = trimsuffix(var.okta_url, "/")
        OKTA_CONCURRENCY     = tostring(local.functions[name].okta_concurrency)
        OKTA_LIMIT_SHARE     = tostring(var.okta_limit_share)
        CALLER_AUTH          = var.caller_auth
        MAX_TARGETS          = tostring(var.max_targets)
        MAX_INVOCATIONS      = tostring(local.functions[name].concurrency)
        REQUEST_DEADLINE     = "${var.request_deadline}s"
        IDEMPOTENCY_BUCKET   = module.automation.idempotency_bucket
        IDEMPOTENCY_PREFIX   = "${name}/"
        RESULTS_TOPIC        = module.automation.results_topic
        DEAD_LETTER_TOPIC    = module.automation.dead_letter_topic
        AUDIT_LOGINS         = var.audit_logins
        GOOGLE_CLOUD_PROJECT = var.project
      },
      !g.needs_okta ? {} : var.okta_credentials[local.credential[name]].auth == "oauth" ? {
        OKTA_USE_OAUTH          = "true"
        OKTA_CLIENT_ID          = var.okta_credentials[local.credential[name]].client_id
        OKTA_KEY_ID             = var.okta_credentials[local.credential[name]].key_id
        OKTA_PRIVATE_KEY_SECRET = "${module.secrets.credentials[local.credential[name]]}/versions/latest"
        } : {
        OKTA_API_TOKEN_SECRET = "${module.secrets.credentials[local.credential[name]]}/versions/latest"
      },
      g.signs && var.signals != null ? {
        ITP_SIGNING_KEY_SECRET = "${module.secrets.signing_key}/versions/latest"
        ITP_KEY_ID             = var.signals.key_id
        ITP_ISSUER_URL         = var.signals.issuer_url
      } : {},
      var.caller_auth == "apikey" ? { CALLER_KEYS_SECRET = "${module.secrets.caller_keys}/versions/latest" } : {},
      var.caller_auth == "oidc" ? { CALLER_AUDIENCE = local.url[name], CALLER_EMAILS = join(",", var.caller_emails) } : {},
      local.checks_itself ? { PUSH_AUDIENCE = local.url[name], PUSH_EMAILS = module.automation.push_emails[name] } : {},
    )
  }
}

data "google_project" "this" {
  project_id = var.project
}

resource "google_project_service" "needed" {
  for_each = toset(!var.enable_apis ? [] : concat([
    "artifactregistry.googleapis.com", "cloudbuild.googleapis.com", "cloudfunctions.googleapis.com", "iam.googleapis.com", "logging.googleapis.com",
    "monitoring.googleapis.com", "pubsub.googleapis.com", "run.googleapis.com", "secretmanager.googleapis.com", "storage.googleapis.com",
  ], var.static_egress ? ["compute.googleapis.com"] : [], var.secops != null ? ["chronicle.googleapis.com"] : []))

  service            = each.key
  disable_on_destroy = false # others in the project may need it
}

module "secrets" {
  source = "./modules/secrets"

  prefix        = local.prefix
  labels        = local.labels
  project       = { id = var.project, number = data.google_project.this.number }
  credentials   = toset(values(local.credential))
  signing_key   = var.signals != null && contains(keys(local.catalog), "signals")
  caller_keys   = var.caller_auth == "apikey"
  rotation_days = var.rotation_days
  readers = {
    for name, g in local.catalog : name => {
      member      = module.function[name].member
      credential  = lookup(local.credential, name, null)
      signing_key = g.signs && var.signals != null
      caller_keys = var.caller_auth == "apikey"
    }
  }

  depends_on = [google_project_service.needed]
}

# The source, which every function is built from. Its name is its content's hash, so that a plan shows whether it changes.
resource "google_storage_bucket" "source" {
  name                        = "${var.project}-${local.prefix}-source"
  location                    = var.region
  labels                      = local.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }

  lifecycle_rule {
    condition {
      num_newer_versions = 3
    }
    action {
      type = "Delete"
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_storage_bucket_object" "source" {
  name   = "source-${filesha256(var.source_archive)}.zip"
  bucket = google_storage_bucket.source.name
  source = var.source_archive
}

resource "google_storage_bucket_iam_member" "builder" {
  count = var.build_service_account == null ? 0 : 1

  bucket = google_storage_bucket.source.name
  role   = "roles/storage.objectViewer"
  member = "serviceAccount:${var.build_service_account}"
}

module "egress" {
  source = "./modules/egress"
  count  = var.static_egress ? 1 : 0

  prefix = local.prefix
  labels = local.labels
  region = var.region
  range  = var.egress_range

  depends_on = [google_project_service.needed]
}

module "function" {
  source   = "./modules/function"
  for_each = local.catalog

  name                  = "${local.prefix}-${each.key}"
  description           = each.value.summary
  target                = each.value.function
  project               = var.project
  region                = var.region
  labels                = merge(local.labels, { group = each.key })
  settings              = local.functions[each.key]
  environment           = local.environment[each.key]
  build_service_account = var.build_service_account
  network               = one(module.egress[*].network)
  invokers              = concat(var.invokers, ["serviceAccount:${module.automation.push_emails[each.key]}"], var.allow_public_invocation ? ["allUsers"] : [])
  source_archive        = { bucket = google_storage_bucket.source.name, object = google_storage_bucket_object.source.name }

  depends_on = [google_project_service.needed, google_storage_bucket_iam_member.builder]
}

module "automation" {
  source = "./modules/automation"

  prefix       = local.prefix
  labels       = local.labels
  project      = { id = var.project, number = data.google_project.this.number }
  region       = var.region
  groups       = toset(keys(local.catalog))
  subscription = var.subscription
  publishers   = var.publishers
  functions = {
    for name, f in module.function : name => { uri = f.uri, member = f.member, audience = local.checks_itself ? local.url[name] : f.uri }
  }

  depends_on = [google_project_service.needed]
}

module "monitoring" {
  source = "./modules/monitoring"

  prefix                = local.prefix
  labels                = local.labels
  project               = var.project
  region                = var.region
  services              = sort([for f in module.function : f.name])
  subscriptions         = values(module.automation.subscriptions)
  dead_letters          = module.automation.dead_letter_subscription
  notification_channels = var.notification_channels
  runbooks_url          = var.runbooks_url
  no_traffic_hours      = var.no_traffic_hours
  request_deadline      = var.request_deadline
  audit                 = { retention_days = var.audit_retention_days, locked = var.lock_audit }

  depends_on = [google_project_service.needed]
}

module "secops" {
  source = "./modules/secops"

  prefix        = local.prefix
  labels        = local.labels
  project       = { id = var.project, number = data.google_project.this.number }
  catalog       = local.catalog
  urls          = { for name, f in module.function : name => f.uri }
  caller_auth   = var.caller_auth
  results_topic = module.automation.results_topic
  instance      = var.secops
  log_type      = var.secops_log_type
  form          = var.secops_feed
  push_endpoint = var.secops_push_endpoint
  backoff       = { min = var.subscription.min_backoff, max = var.subscription.max_backoff }

  depends_on = [google_project_service.needed]
}

locals {
  okta_calls = sum([for f in values(local.functions) : f.max_instances * f.okta_concurrency])
}

# What no single variable can tell of itself.
resource "terraform_data" "limits" {
  lifecycle {
    precondition {
      condition     = var.exceed_okta_concurrency || local.okta_calls <= 35
      error_message = "The functions together may have ${local.okta_calls} calls to Okta at once (max_instances x okta_concurrency), above 35: lower them in functions, or set exceed_okta_concurrency."
    }

    precondition {
      condition     = alltrue([for f in values(local.functions) : f.timeout <= 540 && f.timeout < var.subscription.ack_deadline])
      error_message = "timeout in functions must be at most 540 s, and below ack_deadline in subscription: or a message is delivered again while it is carried out."
    }

    precondition {
      condition     = alltrue([for f in values(local.functions) : f.timeout >= var.request_deadline + 5])
      error_message = "timeout in functions must be at least 5 s above request_deadline, or the reply is lost."
    }
  }
}
