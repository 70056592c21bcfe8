# One function, its service account and its invokers.

resource "google_service_account" "this" {
  project      = var.project
  account_id   = var.name
  display_name = "${var.name}: runs the function ${var.target}"
  description  = "Identity of this function only. All its permissions are on single resources, none on the project."
}

locals {
  # The garbage collector lets the memory grow by a half and not to the double before it runs: a function that ends for
  # want of memory leaves changes in doubt. https://go.dev/doc/gc-guide#GOGC
  runtime = { GOGC = "50" }
}

resource "google_cloudfunctions2_function" "this" {
  project         = var.project
  name            = var.name
  location        = var.region
  description     = var.description
  labels          = var.labels
  deletion_policy = var.deletion_policy

  build_config {
    runtime     = "go126"
    entry_point = var.target
    service_account = (
      var.build_service_account == null ? null : "projects/${var.project}/serviceAccounts/${var.build_service_account}"
    )
    # Without the tables for debuggers the program is a quarter smaller. Stack traces do not need them.
    # https://cloud.google.com/docs/buildpacks/go
    environment_variables = { GOOGLE_GOLDFLAGS = "-s -w" }

    source {
      storage_source {
        bucket = var.source_archive.bucket
        object = var.source_archive.object
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.this.email
    available_memory                 = var.settings.memory
    available_cpu                    = var.settings.cpu
    max_instance_request_concurrency = var.settings.concurrency
    timeout_seconds                  = var.settings.timeout
    min_instance_count               = var.settings.min_instances
    max_instance_count               = var.settings.max_instances
    ingress_settings                 = var.settings.ingress
    all_traffic_on_latest_revision   = true
    environment_variables            = merge(local.runtime, var.environment)
    direct_vpc_egress                = var.network == null ? null : "VPC_EGRESS_ALL_TRAFFIC"

    dynamic "direct_vpc_network_interface" {
      for_each = var.network == null ? [] : [var.network]

      content {
        network    = direct_vpc_network_interface.value.network
        subnetwork = direct_vpc_network_interface.value.subnetwork
      }
    }
  }
}

# Replacing a function deletes its bindings.
resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.invokers

  project  = var.project
  name     = google_cloudfunctions2_function.this.name
  location = var.region
  role     = "roles/run.invoker"
  member   = each.value

  lifecycle {
    replace_triggered_by = [google_cloudfunctions2_function.this.id]
  }
}
