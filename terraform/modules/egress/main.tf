# One static address for all outgoing calls, so that Okta can restrict the credentials to it.

resource "google_compute_network" "this" {
  project                 = var.project
  name                    = "${var.prefix}-egress"
  description             = "Outgoing calls of the Okta functions."
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "this" {
  project                  = var.project
  name                     = "${var.prefix}-egress"
  description              = "Addresses of the functions' instances."
  region                   = var.region
  network                  = google_compute_network.this.id
  ip_cidr_range            = var.range
  private_ip_google_access = true # calls to Google APIs do not use the static address
}

resource "google_compute_router" "this" {
  project     = var.project
  name        = "${var.prefix}-egress"
  description = "Router of the NAT of the Okta functions."
  region      = var.region
  network     = google_compute_network.this.id
}

resource "google_compute_address" "this" {
  project     = var.project
  name        = "${var.prefix}-egress"
  description = "Source address of the Okta functions, for a network zone in Okta."
  region      = var.region
  labels      = var.labels
}

resource "google_compute_router_nat" "this" {
  project                            = var.project
  name                               = "${var.prefix}-egress"
  region                             = var.region
  router                             = google_compute_router.this.name
  nat_ip_allocate_option             = "MANUAL_ONLY"
  nat_ips                            = [google_compute_address.this.id]
  source_subnetwork_ip_ranges_to_nat = "LIST_OF_SUBNETWORKS"

  subnetwork {
    name                    = google_compute_subnetwork.this.id
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}
