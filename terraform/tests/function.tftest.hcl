# One function: least privilege by construction.

mock_provider "google" {
  source = "./tests/google"
}

run "it_runs_as_itself" {
  module {
    source = "./modules/function"
  }

  variables {
    name                  = "okta-users"
    description           = "Users."
    target                = "OktaUsers"
    project               = "acme-security"
    region                = "europe-west3"
    labels                = { app = "okta-secops", instance = "default" }
    settings              = { memory = "512Mi", cpu = "1", concurrency = 80, timeout = 540, min_instances = 0, max_instances = 2, okta_concurrency = 6, ingress = "ALLOW_ALL" }
    environment           = { CALLER_AUTH = "iam" }
    source_archive        = { bucket = "b", object = "o" }
    build_service_account = "build@acme-security.iam.gserviceaccount.com"
    network               = { network = "n", subnetwork = "s" }
    invokers              = { soar = "serviceAccount:soar@acme.iam.gserviceaccount.com" }
  }

  assert {
    condition     = google_cloudfunctions2_function.this.service_config[0].service_account_email == google_service_account.this.email
    error_message = "it has an identity of its own"
  }

  assert {
    condition     = [for m in google_cloud_run_v2_service_iam_member.invoker : "${m.role} ${m.member}"] == ["roles/run.invoker serviceAccount:soar@acme.iam.gserviceaccount.com"]
    error_message = "those who are named call it, and nobody else"
  }

  assert {
    condition     = length(google_cloudfunctions2_function.this.service_config[0].secret_environment_variables) == 0
    error_message = "no secret is a variable"
  }

  assert {
    condition     = google_cloudfunctions2_function.this.build_config[0].service_account == "projects/acme-security/serviceAccounts/build@acme-security.iam.gserviceaccount.com" && google_cloudfunctions2_function.this.build_config[0].entry_point == "OktaUsers"
    error_message = "it is built by the account that may only build"
  }

  assert {
    condition     = google_cloudfunctions2_function.this.service_config[0].direct_vpc_egress == "VPC_EGRESS_ALL_TRAFFIC"
    error_message = "with a network everything leaves through it"
  }
}
