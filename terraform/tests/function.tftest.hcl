# One function and its permissions.

mock_provider "google" {
  source = "./tests/google"
}

run "function_has_its_own_account" {
  module {
    source = "./modules/function"
  }

  variables {
    name        = "okta-users"
    description = "Users."
    target      = "OktaUsers"
    project     = "acme-security"
    region      = "europe-west3"
    labels      = { app = "okta-secops", instance = "default" }
    settings = {
      memory           = "512Mi", cpu = "1", concurrency = 80, timeout = 540, min_instances = 0, max_instances = 2,
      okta_concurrency = 6, ingress = "ALLOW_ALL"
    }
    environment           = { CALLER_AUTH = "iam" }
    source_archive        = { bucket = "b", object = "o" }
    build_service_account = "build@acme-security.iam.gserviceaccount.com"
    network               = { network = "n", subnetwork = "s" }
    deletion_policy       = "PREVENT"
    invokers              = { soar = "serviceAccount:soar@acme.iam.gserviceaccount.com" }
  }

  assert {
    condition = (
      google_cloudfunctions2_function.this.service_config[0].service_account_email == google_service_account.this.email
    )
    error_message = "a function must run as its own service account"
  }

  assert {
    condition = (
      [for m in google_cloud_run_v2_service_iam_member.invoker : "${m.role} ${m.member}"] ==
      ["roles/run.invoker serviceAccount:soar@acme.iam.gserviceaccount.com"]
    )
    error_message = "only the given invokers may call the function"
  }

  assert {
    condition     = length(google_cloudfunctions2_function.this.service_config[0].secret_environment_variables) == 0
    error_message = "a secret must not be an environment variable"
  }

  assert {
    condition = (
      google_cloudfunctions2_function.this.build_config[0].entry_point == "OktaUsers" &&
      google_cloudfunctions2_function.this.build_config[0].service_account ==
      "projects/acme-security/serviceAccounts/build@acme-security.iam.gserviceaccount.com"
    )
    error_message = "the given service account must build the function"
  }

  assert {
    condition     = google_cloudfunctions2_function.this.service_config[0].direct_vpc_egress == "VPC_EGRESS_ALL_TRAFFIC"
    error_message = "all outgoing calls must use the network if there is one"
  }
}
