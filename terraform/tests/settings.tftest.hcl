# What the root makes of its variables, and which it refuses.

mock_provider "google" {}

variables {
  project        = "acme-security"
  region         = "europe-west3"
  okta_url       = "https://acme.okta.com"
  caller_auth    = "iam"
  source_archive = "catalog.json" # any file
}

run "the_least_deploys_all_groups" {
  assert {
    condition     = length(output.functions) == 6 && output.functions["users"].name == "okta-users" && length(output.topics) == 6
    error_message = "each group has a function and a topic"
  }

  assert {
    condition     = tolist(output.secrets) == tolist(["okta-credential-default"])
    error_message = "one Okta credential, and no secret that nobody reads"
  }

  assert {
    condition     = output.topics["users"] == "projects/acme-security/topics/okta-users"
    error_message = "the topic of a group is okta-<group>"
  }

  assert {
    condition     = local.okta_calls <= 35
    error_message = "the standard leaves Okta's concurrency to others too"
  }

  assert {
    condition     = alltrue([for f in values(local.functions) : f.timeout == 540])
    error_message = "the timeout is 540 s"
  }

  assert {
    condition     = alltrue([for e in values(local.environment) : e.CALLER_AUTH == "iam" && e.OKTA_API_ROOT == "https://acme.okta.com" && !contains(keys(e), "PUSH_AUDIENCE")])
    error_message = "with iam Cloud Run checks who pushes"
  }

  assert {
    condition     = local.environment["users"].OKTA_API_TOKEN_SECRET == "projects/acme-security/secrets/okta-credential-default/versions/latest" && !contains(keys(local.environment["signals"]), "OKTA_API_TOKEN_SECRET")
    error_message = "secrets are referred to, and only by those who need them"
  }

  assert {
    condition     = output.secops_actions["users/disable-user"].method == "POST" && endswith(output.secops_actions["users/disable-user"].url, "/disable-user") && !contains(keys(output.secops_actions["users/disable-user"].headers), "Idempotency-Key") && output.secops_actions["users/disable-user"].note == ""
    error_message = "each action is ready to paste"
  }

  assert {
    condition = alltrue([
      for action in ["users/reset-password", "users/set-password", "sessions/clear-okta-user-session", "signals/send-itp-signal", "groups/add-group"] :
      endswith(output.secops_actions[action].headers["Idempotency-Key"], "-FILL_IN_STEP_NAME") && strcontains(output.secops_actions[action].note, "FILL_IN_STEP_NAME")
    ])
    error_message = "the key of an action that cannot be read back has a step name to fill in"
  }

  assert {
    condition = alltrue([
      for action in ["users/enable-user", "roles/assign-role", "roles/unassign-role", "users/ping"] :
      !contains(keys(output.secops_actions[action].headers), "Idempotency-Key")
    ])
    error_message = "an action that is decided from the current state needs no key"
  }

  assert {
    condition     = !contains(keys(output.secops_actions["users/get-user"].headers), "Idempotency-Key") && jsondecode(output.secops_actions["users/set-password"].body).parameters["New Password"] == ""
    error_message = "a read needs no key, and a secret has no placeholder"
  }
}

run "a_group_may_have_a_credential_of_its_own" {
  variables {
    okta_credentials = {
      default = {}
      users   = { auth = "oauth", client_id = "0oa1", key_id = "k1" }
    }
  }

  assert {
    condition     = local.environment["users"].OKTA_CLIENT_ID == "0oa1" && local.environment["users"].OKTA_PRIVATE_KEY_SECRET == "projects/acme-security/secrets/okta-credential-users/versions/latest" && !contains(keys(local.environment["users"]), "OKTA_API_TOKEN_SECRET")
    error_message = "users signs in as its own app"
  }

  assert {
    condition     = contains(keys(local.environment["groups"]), "OKTA_API_TOKEN_SECRET") && !contains(keys(local.environment["groups"]), "OKTA_USE_OAUTH")
    error_message = "the others go on with the default"
  }
}

run "only_the_function_of_signals_signs" {
  variables {
    signals = { issuer_url = "https://soc.acme.test", key_id = "soc-1" }
  }

  assert {
    condition     = [for name, e in local.environment : name if contains(keys(e), "ITP_SIGNING_KEY_SECRET")] == ["signals"]
    error_message = "the signing key is for signals alone"
  }
}

run "own_checks_know_their_address" {
  variables {
    caller_auth             = "oidc"
    allow_public_invocation = true
    caller_emails           = ["soar@acme.iam.gserviceaccount.com"]
  }

  assert {
    condition     = alltrue([for e in values(local.environment) : e.CALLER_AUDIENCE == e.PUSH_AUDIENCE && can(regex("^https://okta-[a-z]+-.*\\.europe-west3\\.run\\.app$", e.PUSH_AUDIENCE))])
    error_message = "the audience is the service's address without a path"
  }
}

run "an_instance_is_in_every_name" {
  variables {
    instance = "emea"
  }

  assert {
    condition     = alltrue([for f in values(output.functions) : startswith(f.name, "okta-emea-")]) && local.labels.instance == "emea"
    error_message = "several orgs live in one project"
  }
}

run "a_long_instance_would_not_fit_a_service_account" {
  command = plan
  variables {
    instance = "elevenchars"
  }
  expect_failures = [var.instance]
}

run "public_invocation_does_not_go_with_iam" {
  command = plan
  variables {
    allow_public_invocation = true
  }
  expect_failures = [var.allow_public_invocation]
}

run "oidc_says_that_it_is_public" {
  command = plan
  variables {
    caller_auth   = "oidc"
    caller_emails = ["soar@acme.iam.gserviceaccount.com"]
  }
  expect_failures = [var.allow_public_invocation]
}

run "nobody_without_a_name_is_let_in" {
  command = plan
  variables {
    invokers   = ["allUsers"]
    publishers = { users = ["allAuthenticatedUsers"] }
  }
  expect_failures = [var.invokers, var.publishers]
}

run "callers_are_always_checked" {
  command = plan
  variables {
    caller_auth = "none"
  }
  expect_failures = [var.caller_auth]
}

run "too_many_calls_to_okta_are_refused" {
  command = plan
  variables {
    functions = { users = { max_instances = 10 } }
  }
  expect_failures = [terraform_data.limits]
}

run "too_many_calls_may_be_allowed" {
  command = plan
  variables {
    functions               = { users = { max_instances = 10 } }
    exceed_okta_concurrency = true
  }
}

run "a_timeout_above_the_ack_deadline_is_refused" {
  command = plan
  variables {
    functions    = { users = { timeout = 540 } }
    subscription = { ack_deadline = 500 }
  }
  expect_failures = [terraform_data.limits]
}

run "a_deadline_above_the_timeout_is_refused" {
  command = plan
  variables {
    functions        = { users = { timeout = 60 } }
    request_deadline = 100
  }
  expect_failures = [terraform_data.limits]
}

run "messages_expire_before_their_idempotency_records" {
  command = plan
  variables {
    subscription = { retention_hours = 24 }
  }
  expect_failures = [var.subscription]
}

run "mistakes_are_named" {
  command = plan
  variables {
    okta_url         = "https://acme-admin.okta.com"
    okta_credentials = { user = {} }
    groups           = ["users"]
    functions        = { groups = {} }
    rotation_days    = 1.5
    static_egress    = true
    egress_range     = "10.0.0.0/28"
  }
  expect_failures = [var.okta_url, var.okta_credentials, var.functions, var.rotation_days, var.egress_range]
}

run "a_feed_needs_its_instance" {
  command = plan
  variables {
    secops_log_type = "OKTA_ACTION_RESULT"
  }
  expect_failures = [var.secops_log_type]
}
