# Values that Google computes, in the form that it documents. The provider validates some of them when another resource
# refers to them, and refuses the random text that terraform test makes up otherwise.

mock_data "google_project" {
  defaults = {
    number = "123456789012"
  }
}

mock_resource "google_service_account" {
  defaults = {
    id     = "projects/acme-security/serviceAccounts/mock@acme-security.iam.gserviceaccount.com"
    name   = "projects/acme-security/serviceAccounts/mock@acme-security.iam.gserviceaccount.com"
    email  = "mock@acme-security.iam.gserviceaccount.com"
    member = "serviceAccount:mock@acme-security.iam.gserviceaccount.com"
  }
}
