terraform {
  required_version = ">= 1.11"

  required_providers {
    google = { source = "hashicorp/google" }
  }
}

provider "google" {
  project = var.project
  region  = var.region
}
