# Log-based metrics. test/terraform checks that the functions write an entry for each of them.

# Log entries about credentials that Okta refuses. Audit entries have a lower severity and do not
# count twice.
resource "google_logging_metric" "credentials" {
  project     = var.project
  name        = "${var.prefix}-credential-failures"
  description = "Calls that Okta refused for the credentials, their scope or their admin role."
  filter = join("\n", [
    local.entries,
    "severity>=WARNING",
    "jsonPayload.error_code=~\"^(${join("|", [
      "E0000004", "E0000005", "E0000006", "E0000011", "E0000015", "invalid_client", "invalid_scope",
      "unauthorized_client", "invalid_issuer", "invalid_key", "authentication_failed",
    ])})$\"",
  ])

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

# Calls of which a guardrail refused at least one target. Dry runs do not count.
resource "google_logging_metric" "guardrails" {
  project     = var.project
  name        = "${var.prefix}-guardrail-refusals"
  description = "Calls with a target that a guardrail refused."
  filter = join("\n", [
    local.calls,
    "jsonPayload.audit.dry_run=false",
    "jsonPayload.audit.targets.error_code=~\"^guardrail_\"",
  ])

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

# Calls of Contain User of which at least one target is not contained. Dry runs do not count.
resource "google_logging_metric" "containment" {
  project     = var.project
  name        = "${var.prefix}-containment-failures"
  description = "Calls of Contain User with a target that is not contained, or only partly."
  filter = join("\n", [
    local.calls,
    "jsonPayload.audit.dry_run=false",
    "jsonPayload.audit.action=\"Contain User\"",
    "jsonPayload.audit.status=~\"^(partial|failure)$\"",
  ])

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

# The record of a large call is split, and each part has the fields of the call.
resource "google_logging_metric" "rate_limited" {
  project     = var.project
  name        = "${var.prefix}-okta-rate-limited"
  description = "Calls with at least one response of Okta with the status 429."
  filter = join("\n", [
    local.calls,
    "jsonPayload.audit.okta_rate_limited>0",
    "NOT jsonPayload.audit.part>1",
  ])

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

resource "google_logging_metric" "okta_remaining" {
  project         = var.project
  name            = "${var.prefix}-okta-remaining"
  description     = "Lowest percentage that was left of an Okta rate limit during a call."
  filter          = "${local.calls}\njsonPayload.audit.okta_remaining_percent>=0"
  value_extractor = "EXTRACT(jsonPayload.audit.okta_remaining_percent)"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "%"
  }

  bucket_options {
    linear_buckets {
      num_finite_buckets = 20
      width              = 5
      offset             = 0
    }
  }
}

resource "google_logging_metric" "jobs" {
  project          = var.project
  name             = "${var.prefix}-jobs"
  description      = "Jobs that ended, by their status."
  filter           = "${local.entries}\njsonPayload.job_status=~\"^(success|partial|failure|planned)$\""
  label_extractors = { status = "EXTRACT(jsonPayload.job_status)" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    labels {
      key         = "status"
      value_type  = "STRING"
      description = "Status of the job: success, partial, failure or planned."
    }
  }
}

resource "google_logging_metric" "pings" {
  count = var.ping == null ? 0 : 1

  project          = var.project
  name             = "${var.prefix}-pings"
  description      = "Scheduled Pings that were carried out, by their status."
  label_extractors = { status = "EXTRACT(jsonPayload.audit.status)" }
  filter = join("\n", [
    local.calls,
    "jsonPayload.audit.action=\"Ping\"",
    "jsonPayload.audit.context.requested_by=\"${local.ping_context.requested_by}\"",
  ])

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    labels {
      key         = "status"
      value_type  = "STRING"
      description = "Status of the Ping: success or failure."
    }
  }
}
