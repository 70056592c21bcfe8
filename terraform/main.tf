# One deployment for one Okta org: a function per group of actions, and the resources that the
# functions need.

locals {
  catalog = { for name, g in jsondecode(file("${path.module}/catalog.json")) : name => g if contains(var.groups, name) }

  # The beginning of all names: okta, or okta-emea for the instance emea.
  prefix = var.instance == "" ? "okta" : "okta-${var.instance}"
  labels = merge(var.labels, { app = "okta-secops", instance = var.instance == "" ? "default" : var.instance })

  # The defaults allow at most 35 concurrent calls to Okta, less than half of the limit that most
  # orgs have.
  standard = {
    memory           = "512Mi"
    cpu              = "1"
    concurrency      = 80
    timeout          = 540
    min_instances    = 0
    max_instances    = 1
    okta_concurrency = 3
    ingress          = "ALLOW_ALL"
    invokers         = []
  }
  by_group = {
    users       = { max_instances = 2, okta_concurrency = 4 }
    sessions    = { okta_concurrency = 4 }
    containment = { okta_concurrency = 6 }
  }
  functions = {
    for name in keys(local.catalog) : name => merge(
      local.standard, try(local.by_group[name], {}), { for k, v in try(var.functions[name], {}) : k => v if v != null }
    )
  }

  # The Okta credential of each group: its own entry, or the default one. A group that can do without,
  # such as signals, has one only with its own entry.
  credential = {
    for name, g in local.catalog : name => contains(keys(var.okta_credentials), name) ? name : "default"
    if g.needs_okta || contains(keys(var.okta_credentials), name)
  }

  # What Terraform does if a protected resource is to be deleted.
  deletion_policy = var.deletion_protection ? "PREVENT" : "DELETE"

  signs = var.signals != null && contains(keys(local.catalog), "signals")

  # The secret of caller keys of each group: one for all groups, or one for each.
  caller_keys = {
    for name in keys(local.catalog) : name => var.separate_caller_keys ? "caller-keys-${name}" : "caller-keys"
    if var.caller_auth == "apikey"
  }

  # The keys are known before apply, so that a new invoker adds one binding and changes no other.
  # The e-mail address of the push account is not.
  invokers = {
    for name, f in local.functions : name => merge(
      { for member in toset(concat(var.invokers, f.invokers)) : member => member },
      { push = "serviceAccount:${module.automation.push_emails[name]}" },
      var.allow_public_invocation ? { public = "allUsers" } : {},
    )
  }

  # With iam Cloud Run verifies the token of a push delivery. Otherwise the function does, and needs
  # its own address before it exists.
  checks_itself = var.caller_auth != "iam"
  url = {
    for name in keys(local.catalog) : name =>
    "https://${local.prefix}-${name}-${data.google_project.this.number}.${var.region}.run.app"
  }

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
        JOBS_TOPIC           = module.automation.topics[name]
        AUDIT_LOGINS         = var.audit_logins
        GOOGLE_CLOUD_PROJECT = var.project
        GUARDRAILS           = var.guardrails_secret ? "${module.secrets.guardrails}/versions/latest" : local.guardrails_json
      },
      !contains(keys(local.credential), name) ? {} : var.okta_credentials[local.credential[name]].auth == "oauth" ? {
        OKTA_USE_OAUTH          = "true"
        OKTA_CLIENT_ID          = var.okta_credentials[local.credential[name]].client_id
        OKTA_KEY_ID             = var.okta_credentials[local.credential[name]].key_id
        OKTA_PRIVATE_KEY_SECRET = "${module.secrets.credentials[local.credential[name]]}/versions/latest"
        } : {
        OKTA_API_TOKEN_SECRET = "${module.secrets.credentials[local.credential[name]]}/versions/latest"
      },
      g.signs && var.signals != null ? {
        ITP_SIGNING_KEY_SECRET = "${module.secrets.signing_key}/versions/latest"
        ITP_ISSUER_URL         = local.issuer
        ITP_TIMESTAMP_UNIT     = var.signals.timestamp_unit
      } : {},
      g.signs && try(var.signals.key_id, null) != null ? { ITP_KEY_ID = var.signals.key_id } : {},
      name == "containment" && var.quarantine_group != null ? { QUARANTINE_GROUP = var.quarantine_group } : {},
      var.caller_auth == "apikey" ? {
        CALLER_KEYS_SECRET = "${module.secrets.caller_keys[local.caller_keys[name]]}/versions/latest"
      } : {},
      var.caller_auth == "oidc" ? {
        CALLER_AUDIENCE = local.url[name]
        CALLER_EMAILS   = join(",", var.caller_emails)
      } : {},
      local.checks_itself ? {
        PUSH_AUDIENCE = local.url[name]
        PUSH_EMAILS   = module.automation.push_emails[name]
      } : {},
    )
  }
}

data "google_project" "this" {
  project_id = var.project
}

resource "google_project_service" "needed" {
  for_each = toset(!var.enable_apis ? [] : concat(
    [
      "artifactregistry.googleapis.com", "cloudbuild.googleapis.com", "cloudfunctions.googleapis.com",
      "iam.googleapis.com", "iamcredentials.googleapis.com", "logging.googleapis.com", "monitoring.googleapis.com",
      "pubsub.googleapis.com", "run.googleapis.com", "secretmanager.googleapis.com", "storage.googleapis.com",
    ],
    var.static_egress ? ["compute.googleapis.com"] : [],
    var.secops != null ? ["chronicle.googleapis.com"] : [],
    var.ping != null ? ["cloudscheduler.googleapis.com"] : [],
  ))

  project            = var.project
  service            = each.key
  disable_on_destroy = false # other workloads of the project may need it
}

module "secrets" {
  source = "./modules/secrets"

  prefix          = local.prefix
  labels          = local.labels
  project         = { id = var.project, number = data.google_project.this.number }
  locations       = var.secret_locations
  kms_keys        = { for key in var.kms_keys.secrets : split("/", key)[3] => key }
  topic_kms_key   = var.kms_keys.pubsub
  deletion_policy = local.deletion_policy
  credentials     = toset(values(local.credential))
  signing_key     = local.signs
  publication     = local.publishes ? { reader = one(module.transmitter[*].member) } : null
  key_operators   = local.signs ? toset(var.signals.operators) : toset([])
  caller_keys     = toset(values(local.caller_keys))
  rotation_days   = var.rotation_days
  guardrails      = { secret = var.guardrails_secret, writers = toset(var.guardrails_writers) }
  readers = {
    for name, g in local.catalog : name => {
      member      = module.function[name].member
      credential  = lookup(local.credential, name, null)
      signing_key = g.signs && local.signs
      caller_keys = lookup(local.caller_keys, name, null)
    }
  }

  depends_on = [google_project_service.needed]
}

# The source that every function is built from. An object is named by the hash of its content, so
# that a plan shows whether the source changes.
resource "google_storage_bucket" "source" {
  project                     = var.project
  name                        = "${var.project}-${local.prefix}-source"
  location                    = var.region
  labels                      = local.labels
  deletion_policy             = local.deletion_policy
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }

  dynamic "encryption" {
    for_each = var.kms_keys.storage[*]

    content {
      default_kms_key_name = encryption.value
    }
  }

  # Each archive has its own name, so that a limit on newer versions of the same name never applies.
  # The rule counts from the day on which Terraform deleted the archive, and does not apply to the
  # live one, however old it is.
  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 90
      with_state                 = "ARCHIVED"
    }
    action {
      type = "Delete"
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_storage_bucket_object" "source" {
  name   = "source-${filesha256(local.source_archive)}.zip"
  bucket = google_storage_bucket.source.name
  source = local.source_archive
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

  prefix  = local.prefix
  labels  = local.labels
  project = var.project
  region  = var.region
  range   = var.egress_range

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
  invokers              = local.invokers[each.key]
  deletion_policy       = local.deletion_policy
  source_archive = {
    bucket = google_storage_bucket.source.name
    object = google_storage_bucket_object.source.name
  }

  depends_on = [google_project_service.needed, google_storage_bucket_iam_member.builder]
}

module "automation" {
  source = "./modules/automation"

  prefix          = local.prefix
  labels          = local.labels
  project         = { id = var.project, number = data.google_project.this.number }
  region          = var.region
  groups          = toset(keys(local.catalog))
  subscription    = var.subscription
  retention_days  = var.retention_days
  kms_keys        = { storage = var.kms_keys.storage, pubsub = var.kms_keys.pubsub }
  deletion_policy = local.deletion_policy
  publishers      = var.publishers
  functions = {
    for name, f in module.function : name => { url = local.url[name], member = f.member }
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
  subscriptions         = concat(values(module.automation.subscriptions), module.secops.subscription[*])
  dead_letters          = module.automation.dead_letter_subscription
  rotation              = module.secrets.rotation_subscription
  notification_channels = var.notification_channels
  runbooks_url          = var.runbooks_url
  no_traffic_hours      = var.no_traffic_hours
  request_deadline      = var.request_deadline
  alerts                = var.alerts
  ping                  = var.ping
  topics                = module.automation.topics
  audit = {
    retention_days = var.audit_retention_days
    locked         = var.lock_audit
    only_in_bucket = var.audit_only_in_bucket
  }

  depends_on = [google_project_service.needed]
}

module "secops" {
  source = "./modules/secops"

  prefix            = local.prefix
  labels            = local.labels
  project           = { id = var.project, number = data.google_project.this.number }
  catalog           = local.catalog
  urls              = local.url
  caller_auth       = var.caller_auth
  results_topic     = module.automation.results_topic
  dead_letter_topic = module.automation.dead_letter_topic
  instance          = var.secops
  log_type          = var.secops_log_type
  form              = var.secops_feed
  push_endpoint     = var.secops_push_endpoint
  backoff           = { min = var.subscription.min_backoff, max = var.subscription.max_backoff }
  retention_days    = var.retention_days.results

  depends_on = [google_project_service.needed]
}
