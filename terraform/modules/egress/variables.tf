variable "prefix" {
  description = "Beginning of all names."
  type        = string
}

variable "labels" {
  description = "Labels of the address."
  type        = map(string)
}

variable "project" {
  description = "Id of the project."
  type        = string
}

variable "region" {
  description = "Region of the functions."
  type        = string
}

variable "range" {
  description = "Range of the subnetwork."
  type        = string
}
