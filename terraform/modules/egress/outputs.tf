output "network" {
  description = "Network and subnetwork for the functions."
  value       = { network = google_compute_network.this.id, subnetwork = google_compute_subnetwork.this.id }

  depends_on = [google_compute_router_nat.this] # without it no call reaches the internet
}

output "address" {
  description = "The static address."
  value       = google_compute_address.this.address
}
