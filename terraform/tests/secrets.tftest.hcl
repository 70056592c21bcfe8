# Secrets and the permissions to read them.

mock_provider "google" {
  source = "./tests/google"
}

variables {
  prefix        = "okta"
  labels        = { app = "okta-secops", instance = "default" }
  project       = { id = "acme-security", number = "123456789012" }
  credentials   = ["default", "users"]
  signing_key   = true
  caller_keys   = []
  rotation_days = 90
  guardrails    = { secret = false, writers = [] }
  readers = {
    users = {
      member     = "serviceAccount:users@acme.iam.gserviceaccount.com"
      credential = "users", signing_key = false, caller_keys = null
    }
    groups = {
      member     = "serviceAccount:groups@acme.iam.gserviceaccount.com"
      credential = "default", signing_key = false, caller_keys = null
    }
    signals = {
      member     = "serviceAccount:signals@acme.iam.gserviceaccount.com"
      credential = null, signing_key = true, caller_keys = null
    }
  }
}

run "each_function_reads_its_own" {
  module {
    source = "./modules/secrets"
  }

  assert {
    condition = (
      keys(google_secret_manager_secret_iam_member.reader) ==
      ["groups-credential", "signals-signing-key", "users-credential"]
    )
    error_message = "a function must have access only to the secrets that it reads"
  }

  assert {
    condition = (
      alltrue([
        for m in google_secret_manager_secret_iam_member.reader : m.role == "roles/secretmanager.secretAccessor"
      ]) &&
      google_secret_manager_secret_iam_member.reader["signals-signing-key"].secret_id ==
      google_secret_manager_secret.this["signing-key"].id
    )
    error_message = "a function must have read access only"
  }

  assert {
    condition = alltrue([
      for s in google_secret_manager_secret.this :
      s.rotation[0].rotation_period == "7776000s" && s.topics[0].name == google_pubsub_topic.rotation[0].id
    ])
    error_message = "each secret must have a reminder to rotate"
  }
}

run "reminders_can_be_off" {
  module {
    source = "./modules/secrets"
  }

  variables {
    rotation_days = 0
  }

  assert {
    condition = (
      alltrue([for s in google_secret_manager_secret.this : length(s.rotation) == 0]) &&
      length(google_pubsub_topic.rotation) == 0
    )
    error_message = "without reminders there must be no topic"
  }
}
