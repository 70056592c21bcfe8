# The audit of all calls in its log bucket. alerts.tf, dashboard.tf and ping.tf have the alerts, the
# dashboard and the scheduled Pings, metrics.tf the log-based metrics behind them.

locals {
  # All log entries of the functions, the audit records among them, and the records of whole calls.
  entries = join("\n", [
    "resource.type=\"cloud_run_revision\"",
    "resource.labels.service_name=~\"^(${local.services})$\"",
  ])
  records = "${local.entries}\nlabels.log_type=\"audit\""
  calls   = "${local.records}\njsonPayload.audit.kind=\"invocation\""
}

# The audit of all calls. A locked bucket cannot be shortened or deleted early, not even by the
# operator.
resource "google_logging_project_bucket_config" "audit" {
  project        = var.project
  location       = var.region
  bucket_id      = "${var.prefix}-audit"
  description    = "Audit of the Okta functions: calls, and writes to Okta before and after."
  retention_days = var.audit.retention_days
  locked         = var.audit.locked
}

resource "google_logging_project_sink" "audit" {
  project                = var.project
  name                   = "${var.prefix}-audit"
  description            = "Routes the audit of the Okta functions to its bucket."
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.audit.id}"
  unique_writer_identity = true
  filter                 = local.records
}

# An exclusion of the project applies to the sink _Default only. Log-based metrics count excluded
# entries too.
resource "google_logging_project_exclusion" "audit" {
  count = var.audit.only_in_bucket ? 1 : 0

  project     = var.project
  name        = "${var.prefix}-audit"
  description = "Keeps the audit of the Okta functions in its bucket only, not in _Default."
  filter      = local.records

  depends_on = [google_logging_project_sink.audit]
}
