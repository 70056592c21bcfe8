# Secrets and the permissions to read them.

mock_provider "google" {
  source = "./tests/google"
}

variables {
  prefix          = "okta"
  labels          = { app = "okta-secops", instance = "default" }
  project         = { id = "acme-security", number = "123456789012" }
  credentials     = ["default", "users"]
  signing_key     = true
  caller_keys     = []
  rotation_days   = 90
  guardrails      = { secret = false, writers = [] }
  publication     = null
  key_operators   = []
  locations       = []
  kms_keys        = {}
  topic_kms_key   = null
  deletion_policy = "DELETE"
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

run "public_keys_are_read_by_the_transmitter_only" {
  module {
    source = "./modules/secrets"
  }

  variables {
    publication   = { reader = "serviceAccount:transmitter@acme.iam.gserviceaccount.com" }
    key_operators = ["group:soc@acme.com"]
  }

  assert {
    condition = (
      [for r in values(google_secret_manager_secret_iam_member.reader) : r.secret_id if endswith(r.member, ":transmitter@acme.iam.gserviceaccount.com")] ==
      [google_secret_manager_secret.this["public-keys"].id] &&
      length([for r in values(google_secret_manager_secret_iam_member.reader) : r if r.secret_id == google_secret_manager_secret.this["public-keys"].id]) == 1
    )
    error_message = "the transmitter must read the public keys, and nothing else"
  }

  assert {
    condition = (
      [for r in values(google_secret_manager_secret_iam_member.key_operator) : r.role if r.secret_id == google_secret_manager_secret.this["signing-key"].id] ==
      ["roles/secretmanager.secretVersionManager"]
    )
    error_message = "operators add the private key, and cannot read it"
  }

  assert {
    condition     = length(google_secret_manager_secret.this["public-keys"].rotation) == 0
    error_message = "public keys need no reminder: they are rotated with the private key"
  }
}

run "replication_is_automatic_by_default" {
  module {
    source = "./modules/secrets"
  }

  assert {
    condition = alltrue([
      for s in google_secret_manager_secret.this :
      length(s.replication[0].user_managed) == 0 && length(s.replication[0].auto[0].customer_managed_encryption) == 0 &&
      s.deletion_policy == "DELETE"
    ])
    error_message = "without locations and keys Google must choose the locations and the keys"
  }
}

run "automatic_replication_has_the_global_key" {
  module {
    source = "./modules/secrets"
  }

  variables {
    kms_keys      = { global = "projects/acme-keys/locations/global/keyRings/okta/cryptoKeys/k" }
    topic_kms_key = "projects/acme-keys/locations/europe-west3/keyRings/okta/cryptoKeys/k"
  }

  assert {
    condition = alltrue([
      for s in google_secret_manager_secret.this :
      s.replication[0].auto[0].customer_managed_encryption[0].kms_key_name == var.kms_keys.global
    ])
    error_message = "each secret must have the key"
  }

  assert {
    condition     = google_pubsub_topic.rotation[0].kms_key_name == var.topic_kms_key
    error_message = "the topic of reminders must have the key of the topics"
  }
}

run "replicas_without_keys" {
  module {
    source = "./modules/secrets"
  }

  variables {
    locations = ["europe-west4", "europe-west3"]
  }

  assert {
    condition = alltrue([
      for s in google_secret_manager_secret.this : length(s.replication[0].auto) == 0 &&
      s.replication[0].user_managed[0].replicas[*].location == tolist(["europe-west3", "europe-west4"]) &&
      alltrue([for r in s.replication[0].user_managed[0].replicas : length(r.customer_managed_encryption) == 0])
    ])
    error_message = "the values must be in the chosen regions only, with Google's keys"
  }
}
