terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source = "hashicorp/google"
      # Version 8 changes how secrets are written.
      version = ">= 7.45.0, < 8.0.0"
    }
  }
}
