// Package okta is a client of the Okta management API, with one file per resource.
//
// # What okta-sdk-golang is used for
//
// The SDK builds the requests: paths, escaping, query parameters and request bodies from its
// models. This file holds all calls into it, one function per route. Routes that the SDK does not
// have are requested directly.
//
// Everything else of the SDK is switched off, because a response to an attack must report exactly
// what happened:
//
//   - Configuration from files and OKTA_* variables: a variable could replace the org, the token or
//     the HTTP client.
//   - Authentication: the SDK requests tokens outside the caller's context. The transport adds the
//     credentials instead (Auth).
//   - The response cache, which returns the status from before a suspension.
//   - Retries and rate limiting: the SDK repeats writes whose response is lost, and knows one rate
//     limit for all routes.
//   - Decoding: the SDK cannot decode role assignments, and results contain objects as Okta sent
//     them.
//
// The transport keeps Okta's response and gives the SDK an empty 204, so that the SDK has nothing
// to cache, retry or decode.
//
// # Errors
//
// Every method that calls Okta returns an error that is or wraps an *apierr.Error. Its kind is
//
//   - BadRequest for an id that does not fit into a path, and Misconfigured without credentials:
//     nothing was sent;
//   - NotFound, WrongState or Rejected if Okta rejected the request, and Credentials if Okta
//     rejected the credentials;
//   - Unavailable if another attempt can help, and Deadline if the caller's deadline passed;
//   - InvalidResponse if the response is not one that Okta documents;
//   - UnknownResult for a non-idempotent write that may have taken effect.
package okta

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	sdk "github.com/okta/okta-sdk-golang/v5/okta"
)

// request is one request that the SDK can send: the route, and the function that sends it once.
type request struct {
	route route
	send  func(ctx context.Context) error
}

// sdkClient builds requests by the SDK.
type sdkClient struct{ api *sdk.APIClient }

// newSDKClient returns an SDK client for the org at scheme://host that sends by client. The
// configuration is built by hand: sdk.NewConfiguration reads files and OKTA_* variables, and drops
// the port.
func newSDKClient(scheme, host string, client *http.Client) sdkClient {
	cfg := &sdk.Configuration{
		Host:           host,
		Scheme:         scheme,
		DefaultHeader:  map[string]string{},
		UserAgentExtra: "okta-secops",
		Servers:        sdk.ServerConfigurations{{URL: scheme + "://" + host}},
		HTTPClient:     client,
		Context:        context.Background(),
	}
	cfg.Okta.Client.OrgUrl = scheme + "://" + host
	cfg.Okta.Client.AuthorizationMode = "SSWS"
	return sdkClient{sdk.NewAPIClient(cfg)}
}

// direct returns the request of a route that the SDK does not have. elements are the values of the
// path's parameters, in their order; body is encoded as JSON, nil: there is none.
func (s sdkClient) direct(rt route, body any, elements ...string) request {
	return request{rt, func(ctx context.Context) error {
		method, path, _ := strings.Cut(rt.name, " ")
		for _, element := range elements {
			before, rest, _ := strings.Cut(path, "{")
			_, after, _ := strings.Cut(rest, "}")
			path = before + url.PathEscape(element) + after
		}
		var content io.Reader
		if body != nil {
			encoded, err := json.Marshal(body)
			if err != nil {
				return err
			}
			content = bytes.NewReader(encoded)
		}
		cfg := s.api.GetConfig()
		r, err := http.NewRequestWithContext(ctx, method, cfg.Servers[0].URL+path, content)
		if err != nil {
			return err
		}
		r.Header.Set("Accept", "application/json")
		r.Header.Set("User-Agent", sdk.NewUserAgent(cfg).String())
		if body != nil {
			r.Header.Set("Content-Type", "application/json")
		}
		res, err := cfg.HTTPClient.Do(r)
		if err != nil {
			return err
		}
		return res.Body.Close()
	}}
}

func (s sdkClient) getUser(idOrLogin string) request {
	return request{routeGetUser, func(ctx context.Context) error {
		_, _, err := s.api.UserAPI.GetUser(ctx, idOrLogin).Execute()
		return err
	}}
}

func (s sdkClient) getCurrentUser() request {
	return request{routeGetCurrentUser, s.getUser("me").send}
}

func (s sdkClient) listUsers(q UserQuery, limit int) request {
	return request{routeListUsers, func(ctx context.Context) error {
		r := s.api.UserAPI.ListUsers(ctx).Limit(int32(limit))
		if q.Query != "" {
			r = r.Q(q.Query)
		}
		if q.Filter != "" {
			r = r.Filter(q.Filter)
		}
		if q.Search != "" {
			r = r.Search(q.Search)
		}
		_, _, err := r.Execute()
		return err
	}}
}

func (s sdkClient) suspendUser(id string) request {
	return request{routeSuspendUser, func(ctx context.Context) error {
		_, err := s.api.UserAPI.SuspendUser(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) unsuspendUser(id string) request {
	return request{routeUnsuspendUser, func(ctx context.Context) error {
		_, err := s.api.UserAPI.UnsuspendUser(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) deactivateUser(id string, sendEmail bool) request {
	return request{routeDeactivateUser, func(ctx context.Context) error {
		_, err := s.api.UserAPI.DeactivateUser(ctx, id).SendEmail(sendEmail).Execute()
		return err
	}}
}

func (s sdkClient) activateUser(id string, sendEmail bool) request {
	return request{routeActivateUser, func(ctx context.Context) error {
		_, _, err := s.api.UserAPI.ActivateUser(ctx, id).SendEmail(sendEmail).Execute()
		return err
	}}
}

func (s sdkClient) reactivateUser(id string, sendEmail bool) request {
	return request{routeReactivateUser, func(ctx context.Context) error {
		_, _, err := s.api.UserAPI.ReactivateUser(ctx, id).SendEmail(sendEmail).Execute()
		return err
	}}
}

func (s sdkClient) resetPassword(id string, sendEmail bool) request {
	return request{routeResetPassword, func(ctx context.Context) error {
		_, _, err := s.api.UserAPI.GenerateResetPasswordToken(ctx, id).SendEmail(sendEmail).Execute()
		return err
	}}
}

func (s sdkClient) setPassword(id, password string) request {
	body := sdk.UpdateUserRequest{
		Credentials: &sdk.UserCredentials{Password: &sdk.PasswordCredential{Value: &password}},
	}
	return request{routeUpdateUser, func(ctx context.Context) error {
		_, _, err := s.api.UserAPI.UpdateUser(ctx, id).User(body).Execute()
		return err
	}}
}

func (s sdkClient) revokeSessions(id string, revokeOAuth bool) request {
	return request{routeRevokeSessions, func(ctx context.Context) error {
		_, err := s.api.UserAPI.RevokeUserSessions(ctx, id).OauthTokens(revokeOAuth).Execute()
		return err
	}}
}

func (s sdkClient) universalLogout(id string) request {
	return s.direct(routeUniversalLogout, map[string]any{"sub_id": map[string]string{"format": "opaque", "id": id}})
}

func (s sdkClient) listFactors(id string) request {
	return request{routeListFactors, func(ctx context.Context) error {
		_, _, err := s.api.UserFactorAPI.ListFactors(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) resetFactors(id string) request {
	return request{routeResetFactors, func(ctx context.Context) error {
		_, err := s.api.UserAPI.ResetFactors(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) deleteFactor(id, factorID string) request {
	return request{routeDeleteFactor, func(ctx context.Context) error {
		_, err := s.api.UserFactorAPI.UnenrollFactor(ctx, id, factorID).Execute()
		return err
	}}
}

func (s sdkClient) unlockUser(id string) request {
	return request{routeUnlockUser, func(ctx context.Context) error {
		_, err := s.api.UserAPI.UnlockUser(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) listBlocks(id string) request {
	return request{routeListBlocks, func(ctx context.Context) error {
		_, _, err := s.api.UserAPI.ListUserBlocks(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) expirePassword(id string) request {
	return request{routeExpirePassword, func(ctx context.Context) error {
		_, _, err := s.api.UserAPI.ExpirePassword(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) expirePasswordWithTemporary(id string, revokeSessions bool) request {
	return request{routeExpireTemp, func(ctx context.Context) error {
		_, _, err := s.api.UserAPI.ExpirePasswordAndGetTemporaryPassword(ctx, id).RevokeSessions(revokeSessions).Execute()
		return err
	}}
}

func (s sdkClient) listGrants(id string) request {
	return request{routeListGrants, func(ctx context.Context) error {
		_, _, err := s.api.UserAPI.ListUserGrants(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) listClients(id string) request {
	return request{routeListClients, func(ctx context.Context) error {
		_, _, err := s.api.UserAPI.ListUserClients(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) revokeGrants(id string) request {
	return request{routeRevokeGrants, func(ctx context.Context) error {
		_, err := s.api.UserAPI.RevokeUserGrants(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) revokeClientTokens(id, clientID string) request {
	return request{routeRevokeClientTokens, func(ctx context.Context) error {
		_, err := s.api.UserAPI.RevokeTokensForUserAndClient(ctx, id, clientID).Execute()
		return err
	}}
}

func (s sdkClient) getUserRisk(id string) request { return s.direct(routeGetUserRisk, nil, id) }

func (s sdkClient) setUserRisk(id, level, reason string) request {
	body := map[string]string{"riskLevel": level}
	if reason != "" {
		body["riskReason"] = reason
	}
	return s.direct(routeSetUserRisk, body, id)
}

func (s sdkClient) listAPITokens() request {
	return request{routeListAPITokens, func(ctx context.Context) error {
		_, _, err := s.api.ApiTokenAPI.ListApiTokens(ctx).Execute()
		return err
	}}
}

func (s sdkClient) listAppGrants(appID string) request {
	return request{routeListAppGrants, func(ctx context.Context) error {
		_, _, err := s.api.ApplicationGrantsAPI.ListScopeConsentGrants(ctx, appID).Execute()
		return err
	}}
}

func (s sdkClient) listAppLinks(id string) request {
	return request{routeListAppLinks, func(ctx context.Context) error {
		_, _, err := s.api.UserAPI.ListAppLinks(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) listUserDevices(id string) request { return s.direct(routeListUserDevices, nil, id) }

func (s sdkClient) listUserGroups(idOrLogin string) request {
	return request{routeListUserGroups, func(ctx context.Context) error {
		_, _, err := s.api.UserAPI.ListUserGroups(ctx, idOrLogin).Execute()
		return err
	}}
}

func (s sdkClient) getGroup(id string) request {
	return request{routeGetGroup, func(ctx context.Context) error {
		_, _, err := s.api.GroupAPI.GetGroup(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) listGroups(limit int) request {
	return request{routeListGroups, func(ctx context.Context) error {
		_, _, err := s.api.GroupAPI.ListGroups(ctx).Limit(int32(limit)).Execute()
		return err
	}}
}

func (s sdkClient) searchGroups(search string) request {
	return request{routeListGroups, func(ctx context.Context) error {
		_, _, err := s.api.GroupAPI.ListGroups(ctx).Search(search).Limit(200).Execute()
		return err
	}}
}

func (s sdkClient) queryGroups(prefix string) request {
	return request{routeListGroups, func(ctx context.Context) error {
		_, _, err := s.api.GroupAPI.ListGroups(ctx).Q(prefix).Limit(300).Execute()
		return err
	}}
}

func (s sdkClient) createGroup(name, description string) request {
	profile := sdk.GroupProfile{Name: &name}
	if description != "" {
		profile.Description = &description
	}
	return request{routeCreateGroup, func(ctx context.Context) error {
		_, _, err := s.api.GroupAPI.CreateGroup(ctx).Group(sdk.Group{Profile: &profile}).Execute()
		return err
	}}
}

func (s sdkClient) addGroupMember(id, userID string) request {
	return request{routeAddGroupMember, func(ctx context.Context) error {
		_, err := s.api.GroupAPI.AssignUserToGroup(ctx, id, userID).Execute()
		return err
	}}
}

func (s sdkClient) removeGroupMember(id, userID string) request {
	return request{routeRemoveGroupMember, func(ctx context.Context) error {
		_, err := s.api.GroupAPI.UnassignUserFromGroup(ctx, id, userID).Execute()
		return err
	}}
}

func (s sdkClient) listMembershipRules(id, userID string) request {
	return s.direct(routeListMembershipRules, nil, id, userID)
}

func (s sdkClient) listUserRoles(id string) request {
	return request{routeListUserRoles, func(ctx context.Context) error {
		_, _, err := s.api.RoleAssignmentAPI.ListAssignedRolesForUser(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) assignRole(id, roleType string) request {
	body := sdk.AssignRoleRequest{Type: &roleType}
	return request{routeAssignRole, func(ctx context.Context) error {
		_, _, err := s.api.RoleAssignmentAPI.AssignRoleToUser(ctx, id).AssignRoleRequest(body).Execute()
		return err
	}}
}

func (s sdkClient) unassignRole(id, assignmentID string) request {
	return request{routeUnassignRole, func(ctx context.Context) error {
		_, err := s.api.RoleAssignmentAPI.UnassignRoleFromUser(ctx, id, assignmentID).Execute()
		return err
	}}
}

func (s sdkClient) listEventProviders() request {
	return request{routeListEventProviders, func(ctx context.Context) error {
		_, _, err := s.api.SSFReceiverAPI.ListSecurityEventsProviderInstances(ctx).Execute()
		return err
	}}
}

func (s sdkClient) createEventProvider(p EventProvider) request {
	return request{routeCreateEventProvider, func(ctx context.Context) error {
		_, _, err := s.api.SSFReceiverAPI.CreateSecurityEventsProviderInstance(ctx).Instance(p.request()).Execute()
		return err
	}}
}

func (s sdkClient) replaceEventProvider(p EventProvider) request {
	return request{routeReplaceEventProvider, func(ctx context.Context) error {
		_, _, err := s.api.SSFReceiverAPI.ReplaceSecurityEventsProviderInstance(ctx, p.ID).Instance(p.request()).Execute()
		return err
	}}
}

// request returns the model of a provider to create or replace.
func (p EventProvider) request() sdk.SecurityEventsProviderRequest {
	var settings sdk.SecurityEventsProviderRequestSettings
	if p.Settings.WellKnownURL != "" {
		settings.SecurityEventsProviderSettingsSSFCompliant = &sdk.SecurityEventsProviderSettingsSSFCompliant{
			WellKnownUrl: p.Settings.WellKnownURL,
		}
	} else {
		settings.SecurityEventsProviderSettingsNonSSFCompliant = &sdk.SecurityEventsProviderSettingsNonSSFCompliant{
			Issuer: p.Settings.Issuer, JwksUrl: p.Settings.JWKSURL,
		}
	}
	return sdk.SecurityEventsProviderRequest{Name: p.Name, Type: p.Type, Settings: settings}
}

func (s sdkClient) activateEventProvider(id string) request {
	return request{routeActivateEventProvider, func(ctx context.Context) error {
		_, _, err := s.api.SSFReceiverAPI.ActivateSecurityEventsProviderInstance(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) deactivateEventProvider(id string) request {
	return request{routeDeactivateEventProvider, func(ctx context.Context) error {
		_, _, err := s.api.SSFReceiverAPI.DeactivateSecurityEventsProviderInstance(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) deleteEventProvider(id string) request {
	return request{routeDeleteEventProvider, func(ctx context.Context) error {
		_, err := s.api.SSFReceiverAPI.DeleteSecurityEventsProviderInstance(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) listRoles() request {
	return request{routeListRoles, func(ctx context.Context) error {
		_, _, err := s.api.RoleAPI.ListRoles(ctx).Execute()
		return err
	}}
}

func (s sdkClient) listAdministrators() request {
	return request{routeListAdmins, func(ctx context.Context) error {
		_, _, err := s.api.RoleAssignmentAPI.ListUsersWithRoleAssignments(ctx).Execute()
		return err
	}}
}

func (s sdkClient) listGroupRoles(id string) request {
	return request{routeListGroupRoles, func(ctx context.Context) error {
		_, _, err := s.api.RoleAssignmentAPI.ListGroupAssignedRoles(ctx, id).Execute()
		return err
	}}
}

func (s sdkClient) listGroupTargets(id, assignmentID string) request {
	return request{routeListGroupTargets, func(ctx context.Context) error {
		_, _, err := s.api.RoleTargetAPI.ListGroupTargetsForRole(ctx, id, assignmentID).Execute()
		return err
	}}
}

func (s sdkClient) listAppTargets(id, assignmentID string) request {
	return request{routeListAppTargets, func(ctx context.Context) error {
		_, _, err := s.api.RoleTargetAPI.ListApplicationTargetsForApplicationAdministratorRoleForUser(ctx, id, assignmentID).
			Execute()
		return err
	}}
}

func (s sdkClient) listEvents(q EventQuery, limit int) request {
	return request{routeListEvents, func(ctx context.Context) error {
		r := s.api.SystemLogAPI.ListLogEvents(ctx).Since(q.Since.UTC()).Until(q.Until.UTC()).SortOrder("DESCENDING").
			Limit(int32(limit))
		if q.Filter != "" {
			r = r.Filter(q.Filter)
		}
		_, _, err := r.Execute()
		return err
	}}
}

func (s sdkClient) listProviders(query, providerType string, limit int) request {
	return request{routeListProviders, func(ctx context.Context) error {
		r := s.api.IdentityProviderAPI.ListIdentityProviders(ctx).Limit(int32(limit))
		if query != "" {
			r = r.Q(query)
		}
		if providerType != "" {
			r = r.Type_(providerType)
		}
		_, _, err := r.Execute()
		return err
	}}
}

func (s sdkClient) publishEvent(token string) request {
	return request{routePublishEvent, func(ctx context.Context) error {
		_, err := s.api.SSFSecurityEventTokenAPI.PublishSecurityEventTokens(ctx).SecurityEventToken(token).Execute()
		return err
	}}
}

func (s sdkClient) getOrganization() request {
	return request{routeGetOrganization, func(ctx context.Context) error {
		_, _, err := s.api.OrgSettingAPI.GetWellknownOrgMetadata(ctx).Execute()
		return err
	}}
}
