package okta

import (
	"net/http"
	"strings"
)

// route is one operation of the Okta API.
type route struct {
	name   string // method and path template: "POST /api/v1/users/{userId}/lifecycle/suspend"
	bucket bucket
}

// reads reports whether the operation changes nothing.
func (r route) reads() bool { return strings.HasPrefix(r.name, http.MethodGet+" ") }

// idempotent reports whether a repeated request has the same effect as one, by its method.
// https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2
func (r route) idempotent() bool {
	return r.reads() || strings.HasPrefix(r.name, http.MethodDelete+" ") || strings.HasPrefix(r.name, http.MethodPut+" ")
}

// bucket names a set of routes that Okta counts against one rate limit. The size of a limit depends
// on the org and is learned from response headers.
type bucket string

// The buckets, as Okta documents them, and as Okta's own Terraform provider lists them by path.
// https://developer.okta.com/docs/reference/rl-global-mgmt/
// https://github.com/okta/terraform-provider-okta/blob/master/okta/internal/apimutex/rate_limit_lines.go
const (
	bucketReadUser      bucket = "GET /api/v1/users/{id}"
	bucketUpdateUser    bucket = "POST, PUT and DELETE /api/v1/users/{id}"
	bucketCurrentUser   bucket = "GET /api/v1/users/me"
	bucketUsers         bucket = "/api/v1/users" // and all that is below a user
	bucketGroup         bucket = "/api/v1/groups/{id}"
	bucketGroups        bucket = "/api/v1/groups"
	bucketIAM           bucket = "/api/v1/iam"
	bucketLogs          bucket = "/api/v1/logs"
	bucketOther         bucket = "/api/v1"                          // all other management routes
	bucketSecurityEvent bucket = "/security/api/v1/security-events" // not documented
	bucketOAuth         bucket = "/oauth2/v1"                       // not documented for Universal Logout
	bucketPublic        bucket = "/"
)

// The routes that the client calls.
var (
	routeGetUser          = route{"GET /api/v1/users/{userId}", bucketReadUser}
	routeUpdateUser       = route{"POST /api/v1/users/{userId}", bucketUpdateUser}
	routeGetCurrentUser   = route{"GET /api/v1/users/me", bucketCurrentUser}
	routeListUsers        = route{"GET /api/v1/users", bucketUsers}
	routeSuspendUser      = route{"POST /api/v1/users/{userId}/lifecycle/suspend", bucketUsers}
	routeUnsuspendUser    = route{"POST /api/v1/users/{userId}/lifecycle/unsuspend", bucketUsers}
	routeDeactivateUser   = route{"POST /api/v1/users/{userId}/lifecycle/deactivate", bucketUsers}
	routeActivateUser     = route{"POST /api/v1/users/{userId}/lifecycle/activate", bucketUsers}
	routeReactivateUser   = route{"POST /api/v1/users/{userId}/lifecycle/reactivate", bucketUsers}
	routeResetPassword    = route{"POST /api/v1/users/{userId}/lifecycle/reset_password", bucketUsers}
	routeRevokeSessions   = route{"DELETE /api/v1/users/{userId}/sessions", bucketUsers}
	routeListFactors      = route{"GET /api/v1/users/{userId}/factors", bucketUsers}
	routeResetFactors     = route{"POST /api/v1/users/{userId}/lifecycle/reset_factors", bucketUsers}
	routeDeleteFactor     = route{"DELETE /api/v1/users/{userId}/factors/{factorId}", bucketUsers}
	routeUnlockUser       = route{"POST /api/v1/users/{userId}/lifecycle/unlock", bucketUsers}
	routeListBlocks       = route{"GET /api/v1/users/{userId}/blocks", bucketUsers}
	routeExpirePassword   = route{"POST /api/v1/users/{userId}/lifecycle/expire_password", bucketUsers}
	routeListGrants       = route{"GET /api/v1/users/{userId}/grants", bucketUsers}
	routeRevokeGrants     = route{"DELETE /api/v1/users/{userId}/grants", bucketUsers}
	routeListClients      = route{"GET /api/v1/users/{userId}/clients", bucketUsers}
	routeGetUserRisk      = route{"GET /api/v1/users/{userId}/risk", bucketUsers}
	routeSetUserRisk      = route{"PUT /api/v1/users/{userId}/risk", bucketUsers}
	routeListAPITokens    = route{"GET /api/v1/api-tokens", bucketOther}
	routeListAppGrants    = route{"GET /api/v1/apps/{appId}/grants", bucketOther}
	routeListAppLinks     = route{"GET /api/v1/users/{userId}/appLinks", bucketUsers}
	routeListUserDevices  = route{"GET /api/v1/users/{userId}/devices", bucketUsers}
	routeListUserGroups   = route{"GET /api/v1/users/{userId}/groups", bucketUsers}
	routeListUserRoles    = route{"GET /api/v1/users/{userId}/roles", bucketUsers}
	routeAssignRole       = route{"POST /api/v1/users/{userId}/roles", bucketUsers}
	routeUnassignRole     = route{"DELETE /api/v1/users/{userId}/roles/{roleAssignmentId}", bucketUsers}
	routeListGroupTargets = route{"GET /api/v1/users/{userId}/roles/{roleAssignmentId}/targets/groups", bucketUsers}
	routeListAppTargets   = route{"GET /api/v1/users/{userId}/roles/{roleAssignmentId}/targets/catalog/apps", bucketUsers}
	routeListGroupRoles   = route{"GET /api/v1/groups/{groupId}/roles", bucketGroups}
	routeListAdmins       = route{"GET /api/v1/iam/assignees/users", bucketIAM}
	routeGetGroup         = route{"GET /api/v1/groups/{groupId}", bucketGroup}
	routeListGroups       = route{"GET /api/v1/groups", bucketGroups}
	routeCreateGroup      = route{"POST /api/v1/groups", bucketGroups}
	routeListRoles        = route{"GET /api/v1/iam/roles", bucketIAM}
	routeListEvents       = route{"GET /api/v1/logs", bucketLogs}
	routeListProviders    = route{"GET /api/v1/idps", bucketOther}
	routeUniversalLogout  = route{"POST /oauth2/v1/global-token-revocation", bucketOAuth}
	routePublishEvent     = route{"POST /security/api/v1/security-events", bucketSecurityEvent}
	routeGetOrganization  = route{"GET /.well-known/okta-organization", bucketPublic}

	routeListEventProviders      = route{"GET /api/v1/security-events-providers", bucketOther}
	routeCreateEventProvider     = route{"POST /api/v1/security-events-providers", bucketOther}
	routeReplaceEventProvider    = route{"PUT /api/v1/security-events-providers/{id}", bucketOther}
	routeDeleteEventProvider     = route{"DELETE /api/v1/security-events-providers/{id}", bucketOther}
	routeActivateEventProvider   = route{"POST /api/v1/security-events-providers/{id}/lifecycle/activate", bucketOther}
	routeDeactivateEventProvider = route{"POST /api/v1/security-events-providers/{id}/lifecycle/deactivate", bucketOther}

	routeExpireTemp = route{"POST /api/v1/users/{userId}/lifecycle/expire_password_with_temp_password", bucketUsers}

	routeRevokeClientTokens  = route{"DELETE /api/v1/users/{userId}/clients/{clientId}/tokens", bucketUsers}
	routeAddGroupMember      = route{"PUT /api/v1/groups/{groupId}/users/{userId}", bucketGroups}
	routeRemoveGroupMember   = route{"DELETE /api/v1/groups/{groupId}/users/{userId}", bucketGroups}
	routeListMembershipRules = route{"GET /api/v1/groups/{groupId}/users/{userId}/group-rules", bucketGroups}
)
