# The deployment of the root module and its settings. Refused settings are in refused.tftest.hcl and limits.tftest.hcl.

mock_provider "google" {
  source = "./tests/google"
}

variables {
  project        = "acme-security"
  region         = "europe-west3"
  okta_url       = "https://acme.okta.com"
  caller_auth    = "iam"
  source_archive = "catalog.json" # any file

  invokers              = ["serviceAccount:soar@acme.iam.gserviceaccount.com"]
  notification_channels = ["projects/acme-security/notificationChannels/1"]
}

run "minimal_settings_deploy_all_groups" {
  assert {
    condition = (
      length(output.functions) == 8 && output.functions["users"].name == "okta-users" && length(output.topics) == 8
    )
    error_message = "each group must have a function and a topic"
  }

  assert {
    condition     = tolist(output.secrets) == tolist(["okta-credential-default"])
    error_message = "there must be one Okta credential, and no other secret"
  }

  assert {
    condition     = output.topics["users"] == "projects/acme-security/topics/okta-users"
    error_message = "the topic of a group must be okta-<group>"
  }

  assert {
    condition     = local.okta_calls <= 35
    error_message = "the defaults must leave concurrent calls to Okta for other clients"
  }

  assert {
    condition     = alltrue([for f in values(local.functions) : f.timeout == 540])
    error_message = "the default timeout must be 540 s"
  }

  assert {
    condition = (
      alltrue([
        for e in values(local.environment) :
        e.CALLER_AUTH == "iam" && e.OKTA_API_ROOT == "https://acme.okta.com" && !contains(keys(e), "PUSH_AUDIENCE")
      ])
    )
    error_message = "with iam Cloud Run verifies deliveries, and the function needs no audience"
  }

  assert {
    condition = (
      local.environment["users"].OKTA_API_TOKEN_SECRET ==
      "projects/acme-security/secrets/okta-credential-default/versions/latest" &&
      !contains(keys(local.environment["signals"]), "OKTA_API_TOKEN_SECRET")
    )
    error_message = "a function must refer to a secret by name, and only if it reads it"
  }

  assert {
    condition = (
      output.secops_actions["users/disable-user"].method == "POST" &&
      endswith(output.secops_actions["users/disable-user"].url, "/disable-user") &&
      !contains(keys(output.secops_actions["users/disable-user"].headers), "Idempotency-Key") &&
      !strcontains(output.secops_actions["users/disable-user"].note, "FILL_IN_STEP_NAME")
    )
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
    condition = (
      !contains(keys(output.secops_actions["users/get-user"].headers), "Idempotency-Key") &&
      output.secops_actions["users/ping"].note == ""
    )
    error_message = "a read needs no key, and Ping has nothing to fill in"
  }
}

run "credentials_can_be_set_per_group" {
  variables {
    okta_credentials = {
      default = {}
      users   = { auth = "oauth", client_id = "0oa1", key_id = "k1" }
    }
  }

  assert {
    condition = (
      local.environment["users"].OKTA_CLIENT_ID == "0oa1" &&
      local.environment["users"].OKTA_PRIVATE_KEY_SECRET ==
      "projects/acme-security/secrets/okta-credential-users/versions/latest" &&
      !contains(keys(local.environment["users"]), "OKTA_API_TOKEN_SECRET")
    )
    error_message = "users must use its own service app"
  }

  assert {
    condition = (
      contains(keys(local.environment["groups"]), "OKTA_API_TOKEN_SECRET") &&
      !contains(keys(local.environment["groups"]), "OKTA_USE_OAUTH")
    )
    error_message = "the other groups must use the default credential"
  }
}

run "signing_key_is_for_signals_only" {
  variables {
    signals = { issuer_url = "https://soc.acme.test", key_id = "soc-1" }
  }

  assert {
    condition = (
      [for name, e in local.environment : name if contains(keys(e), "ITP_SIGNING_KEY_SECRET")] == ["signals"]
    )
    error_message = "only the signals function may read the signing key"
  }
}

run "transmitter_is_not_deployed_by_default" {
  variables {
    signals = { issuer_url = "https://soc.acme.test", key_id = "soc-1" }
  }

  assert {
    condition     = length(module.transmitter) == 0 && output.transmitter == null && module.secrets.public_keys == null
    error_message = "publish must be off by default"
  }
}

run "transmitter_publishes_the_keys" {
  variables {
    signals = { publish = true }
  }

  assert {
    condition = (
      output.transmitter.issuer == "https://okta-transmitter-123456789012.europe-west3.run.app" &&
      output.transmitter.jwks_url == "${output.transmitter.issuer}/jwks.json" &&
      local.environment["signals"].ITP_ISSUER_URL == output.transmitter.issuer &&
      !contains(keys(local.environment["signals"]), "ITP_KEY_ID") &&
      !anytrue([for e in values(local.environment) : contains(keys(e), "ITP_PUBLIC_KEYS_SECRET")])
    )
    error_message = "the transmitter must be the issuer, and only it reads the public keys"
  }
}

run "transmitter_can_have_another_issuer" {
  variables {
    signals = { publish = true, issuer_url = "https://soc.acme.test" }
  }

  assert {
    condition = (
      output.transmitter.issuer == "https://soc.acme.test" &&
      local.environment["signals"].ITP_ISSUER_URL == "https://soc.acme.test" &&
      output.transmitter.jwks_url == "https://okta-transmitter-123456789012.europe-west3.run.app/jwks.json"
    )
    error_message = "the metadata must have the registered issuer"
  }
}

run "signals_use_a_credential_of_their_own_only" {
  variables {
    okta_credentials = {
      default = {}
      signals = { auth = "oauth", client_id = "0oa2", key_id = "k2" }
    }
    signals = { issuer_url = "https://soc.acme.test", key_id = "soc-1", timestamp_unit = "s" }
  }

  assert {
    condition = (
      local.environment["signals"].OKTA_CLIENT_ID == "0oa2" && local.environment["signals"].ITP_TIMESTAMP_UNIT == "s"
    )
    error_message = "signals must use its own service app, and the unit of its settings"
  }
}

run "audience_is_the_url_of_the_function" {
  variables {
    caller_auth             = "oidc"
    allow_public_invocation = true
    caller_emails           = ["soar@acme.iam.gserviceaccount.com"]
    invokers                = []
  }

  assert {
    condition = (
      alltrue([
        for e in values(local.environment) :
        e.CALLER_AUDIENCE == e.PUSH_AUDIENCE &&
        can(regex("^https://okta-[a-z]+-.*\\.europe-west3\\.run\\.app$", e.PUSH_AUDIENCE))
      ])
    )
    error_message = "the audience must be the URL of the function without a path"
  }
}

run "instance_is_part_of_all_names" {
  variables {
    instance = "emea"
  }

  assert {
    condition = (
      alltrue([for f in values(output.functions) : startswith(f.name, "okta-emea-")]) &&
      local.labels.instance == "emea"
    )
    error_message = "instance must be part of all names and labels"
  }
}

run "callers_can_be_set_per_group" {
  command = plan
  variables {
    functions = {
      users = { invokers = ["user:analyst@acme.test", "serviceAccount:soar@acme.iam.gserviceaccount.com"] }
    }
  }

  assert {
    condition = (
      keys(local.invokers["users"]) ==
      ["push", "serviceAccount:soar@acme.iam.gserviceaccount.com", "user:analyst@acme.test"] &&
      keys(local.invokers["groups"]) == ["push", "serviceAccount:soar@acme.iam.gserviceaccount.com"]
    )
    error_message = "an invoker of one group must have a binding on the function of that group only"
  }
}

run "caller_keys_share_a_secret_by_default" {
  command = plan
  variables {
    caller_auth             = "apikey"
    allow_public_invocation = true
    invokers                = []
  }

  assert {
    condition = alltrue([
      for e in values(local.environment) :
      e.CALLER_KEYS_SECRET == "projects/acme-security/secrets/okta-caller-keys/versions/latest"
    ])
    error_message = "all functions must read one secret of caller keys"
  }
}

run "caller_keys_can_have_a_secret_per_group" {
  command = plan
  variables {
    caller_auth             = "apikey"
    allow_public_invocation = true
    invokers                = []
    separate_caller_keys    = true
  }

  assert {
    condition = alltrue([
      for name, e in local.environment :
      e.CALLER_KEYS_SECRET == "projects/acme-security/secrets/okta-caller-keys-${name}/versions/latest"
    ])
    error_message = "each function must read the caller keys of its own group"
  }

  assert {
    condition     = length([for name in output.secrets : name if startswith(name, "okta-caller-keys")]) == 8
    error_message = "there must be one secret of caller keys per group, and no common one"
  }
}

run "audit_is_not_locked_by_default" {
  command = plan

  assert {
    condition     = var.lock_audit == false
    error_message = "lock_audit must be false by default: a lock cannot be removed"
  }
}

run "audit_is_kept_in_default_too_by_default" {
  command = plan

  assert {
    condition     = var.audit_only_in_bucket == false
    error_message = "audit_only_in_bucket must be false by default: readers find the audit in _Default"
  }
}

run "no_pings_by_default" {
  command = plan

  assert {
    condition = (
      !contains(keys(output.alerts), "availability") &&
      !contains(keys(google_project_service.needed), "cloudscheduler.googleapis.com")
    )
    error_message = "without ping neither the alert nor the API of Cloud Scheduler is needed"
  }
}

run "pings_bring_an_alert_and_the_api" {
  command = plan
  variables {
    groups = ["users", "signals"]
    ping   = {}
  }

  assert {
    condition = (
      contains(keys(output.alerts), "availability") &&
      contains(keys(google_project_service.needed), "cloudscheduler.googleapis.com")
    )
    error_message = "got ${join(", ", concat(keys(output.alerts), keys(google_project_service.needed)))}"
  }
}

run "apis_include_iam_credentials" {
  command = plan

  assert {
    condition     = contains(keys(google_project_service.needed), "iamcredentials.googleapis.com")
    error_message = "callers and operators create ID tokens with this API"
  }
}

run "source_archives_expire_only_after_their_replacement" {
  command = plan

  assert {
    condition = alltrue([
      for rule in google_storage_bucket.source.lifecycle_rule :
      one(rule.condition).with_state == "ARCHIVED" && one(rule.condition).days_since_noncurrent_time > 0 &&
      one(rule.condition).age == null && one(rule.condition).num_newer_versions == null
    ]) && length(google_storage_bucket.source.lifecycle_rule) == 1
    error_message = "the rule must delete old archives, and never the live one"
  }
}

run "log_type_is_an_id_alone" {
  command = plan
  variables {
    secops          = { instance = "00000000-0000-0000-0000-000000000000", location = "eu" }
    secops_log_type = "projects/acme-security/locations/eu/instances/00000000-0000-0000-0000-000000000000/logTypes/OKTA_ACTION_RESULT"
  }
  expect_failures = [var.secops_log_type]
}

run "a_feed_needs_its_instance" {
  command = plan
  variables {
    secops_log_type = "OKTA_ACTION_RESULT"
  }
  expect_failures = [var.secops_log_type]
}
