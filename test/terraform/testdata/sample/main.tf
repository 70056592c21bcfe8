# A little of everything that the stub has to keep.
terraform {
  required_providers {
    google = { source = "hashicorp/google" }
  }
}

variable "project" {
  type    = string
  default = "acme"
}

variable "name" {
  type    = string
  default = "clear"
}

variable "team" {
  type    = string
  default = "secops"
}

variable "runner" {
  type    = string
  default = "runner"
}

variable "account" {
  type    = bool
  default = false
}

provider "google" {
  project        = var.project
  region         = "europe-west3"
  default_labels = { by = "terraform" }
}

data "google_client_config" "this" {}

data "google_project" "this" {}

data "google_storage_project_service_account" "this" {}

data "google_iam_policy" "this" {
  binding {
    role    = "roles/run.invoker"
    members = [google_service_account.this.member]
  }
}

data "google_secret_manager_secret_version" "this" {
  secret = google_secret_manager_secret_version.this.secret
}

resource "google_storage_bucket" "this" {
  name     = "acme-source"
  location = "EU"
  labels   = { team = var.team }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = 30
    }
  }
}

resource "google_storage_bucket_object" "this" {
  bucket  = google_storage_bucket.this.name
  name    = "source.zip"
  content = "source"
}

resource "google_service_account" "this" {
  account_id = var.runner
}

resource "google_cloudfunctions2_function" "this" {
  name     = var.name
  location = "europe-west3"

  build_config {
    entry_point = "Clear"
    runtime     = "go126"
    source {
      storage_source {
        bucket = google_storage_bucket.this.name
        object = google_storage_bucket_object.this.name
      }
    }
  }

  service_config {
    available_memory      = "256M"
    service_account_email = google_service_account.this.email
  }
}

resource "google_pubsub_topic" "this" {
  name = "requests"
}

resource "google_pubsub_subscription" "this" {
  name  = "requests-push"
  topic = google_pubsub_topic.this.id

  push_config {
    push_endpoint = google_cloudfunctions2_function.this.service_config[0].uri
    oidc_token {
      service_account_email = google_service_account.this.email
    }
  }
}

resource "google_secret_manager_secret" "this" {
  secret_id = "token"
  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "this" {
  secret                 = google_secret_manager_secret.this.id
  secret_data_wo         = "00canary-written-only"
  secret_data_wo_version = 1
}

resource "google_secret_manager_secret_iam_member" "this" {
  secret_id = google_secret_manager_secret.this.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this.member
}

# Its service_config is absent at first.
resource "google_cloudfunctions2_function" "later" {
  name     = "later"
  location = "europe-west3"

  dynamic "service_config" {
    for_each = var.account ? [google_service_account.this.email] : []
    content {
      service_account_email = service_config.value
    }
  }
}

module "queue" {
  source   = "./queue"
  for_each = toset(["results", "dead-letters"])

  name = each.key
}

output "made" {
  value = {
    account         = google_service_account.this.email
    bucket          = google_storage_bucket.this.url
    later           = one(google_cloudfunctions2_function.later.service_config[*].uri)
    number          = data.google_project.this.number
    policy          = jsondecode(data.google_iam_policy.this.policy_data).bindings[0].members[0]
    project         = data.google_project.this.project_id
    queues          = [for q in module.queue : q.id]
    region          = data.google_client_config.this.region
    secret          = google_secret_manager_secret.this.id
    secret_version  = data.google_secret_manager_secret_version.this.name
    service         = google_cloudfunctions2_function.this.service_config[0].service
    storage_account = data.google_storage_project_service_account.this.email_address
    subscription    = google_pubsub_subscription.this.id
    topic           = google_pubsub_topic.this.id
    uri             = google_cloudfunctions2_function.this.service_config[0].uri
    labels          = google_storage_bucket.this.effective_labels
  }
}
