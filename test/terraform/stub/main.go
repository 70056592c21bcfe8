// Stub is a Terraform provider that replaces hashicorp/google in tests. It serves the schema of the
// real provider, so that Terraform refuses unknown types and attributes. It creates nothing: it
// keeps the configured values, and derives the computed ones from the resource's name.
package main

import (
	"context"
	"log"
	"maps"
	"os"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// schemaVariable names the file of the schema.
const schemaVariable = "STUB_SCHEMA"

func main() {
	file, err := os.ReadFile(os.Getenv(schemaVariable))
	if err != nil {
		log.Fatalf("%s must name the file of the schema: %v", schemaVariable, err)
	}
	p, err := newProvider(file)
	if err != nil {
		log.Fatal(err)
	}
	server := func() tfprotov6.ProviderServer { return p }
	if err := tf6server.Serve("registry.terraform.io/hashicorp/google", server); err != nil {
		log.Fatal(err)
	}
}

// provider implements the methods that a provider with resources and data sources needs.
type provider struct {
	tfprotov6.ProviderServer // the methods that Terraform does not call

	own         *tfprotov6.Schema // the schema of the provider block
	resources   map[string]*tfprotov6.Schema
	dataSources map[string]*tfprotov6.Schema

	project, region string // as configured
	labels          map[string]tftypes.Value
}

// GetMetadata implements tfprotov6.ProviderServer.
func (p *provider) GetMetadata(context.Context, *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	out := &tfprotov6.GetMetadataResponse{ServerCapabilities: &tfprotov6.ServerCapabilities{}}
	for _, name := range slices.Sorted(maps.Keys(p.resources)) {
		out.Resources = append(out.Resources, tfprotov6.ResourceMetadata{TypeName: name})
	}
	for _, name := range slices.Sorted(maps.Keys(p.dataSources)) {
		out.DataSources = append(out.DataSources, tfprotov6.DataSourceMetadata{TypeName: name})
	}
	return out, nil
}

// GetProviderSchema implements tfprotov6.ProviderServer.
func (p *provider) GetProviderSchema(
	context.Context, *tfprotov6.GetProviderSchemaRequest,
) (*tfprotov6.GetProviderSchemaResponse, error) {
	return &tfprotov6.GetProviderSchemaResponse{
		ServerCapabilities: &tfprotov6.ServerCapabilities{},
		Provider:           p.own, ResourceSchemas: p.resources, DataSourceSchemas: p.dataSources,
	}, nil
}

// GetResourceIdentitySchemas implements tfprotov6.ProviderServer.
func (p *provider) GetResourceIdentitySchemas(
	context.Context, *tfprotov6.GetResourceIdentitySchemasRequest,
) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov6.GetResourceIdentitySchemasResponse{}, nil
}

// ValidateProviderConfig implements tfprotov6.ProviderServer.
func (p *provider) ValidateProviderConfig(
	_ context.Context, r *tfprotov6.ValidateProviderConfigRequest,
) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: r.Config}, nil
}

// ConfigureProvider implements tfprotov6.ProviderServer.
func (p *provider) ConfigureProvider(
	_ context.Context, r *tfprotov6.ConfigureProviderRequest,
) (*tfprotov6.ConfigureProviderResponse, error) {
	settings, err := attributesOf(r.Config, p.own)
	if err != nil {
		return nil, err
	}
	p.project, p.region = text(settings["project"]), text(settings["region"])
	if labels := settings["default_labels"]; labels.IsFullyKnown() {
		err = labels.As(&p.labels)
	}
	return &tfprotov6.ConfigureProviderResponse{}, err
}

// StopProvider implements tfprotov6.ProviderServer.
func (p *provider) StopProvider(
	context.Context, *tfprotov6.StopProviderRequest,
) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

// ValidateResourceConfig implements tfprotov6.ProviderServer. Terraform itself checks the schema.
func (p *provider) ValidateResourceConfig(
	context.Context, *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{}, nil
}

// ValidateDataResourceConfig implements tfprotov6.ProviderServer.
func (p *provider) ValidateDataResourceConfig(
	context.Context, *tfprotov6.ValidateDataResourceConfigRequest,
) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return &tfprotov6.ValidateDataResourceConfigResponse{}, nil
}

// UpgradeResourceState implements tfprotov6.ProviderServer.
func (p *provider) UpgradeResourceState(
	_ context.Context, r *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	kind := p.resources[r.TypeName].ValueType()
	state, err := r.RawState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	value, err := tfprotov6.NewDynamicValue(kind, state)
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &value}, err
}

// ReadResource implements tfprotov6.ProviderServer. Resources do not drift.
func (p *provider) ReadResource(
	_ context.Context, r *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	return &tfprotov6.ReadResourceResponse{NewState: r.CurrentState, Private: r.Private}, nil
}

// PlanResourceChange implements tfprotov6.ProviderServer.
func (p *provider) PlanResourceChange(
	_ context.Context, r *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	schema := p.resources[r.TypeName]
	kind := schema.ValueType()
	proposed, err := r.ProposedNewState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	prior, err := r.PriorState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	out := &tfprotov6.PlanResourceChangeResponse{PlannedState: r.ProposedNewState, PlannedPrivate: r.PriorPrivate}
	if proposed.IsNull() { // destroyed
		return out, nil
	}
	planned, err := plan(proposed, schema.Block)
	if err != nil {
		return nil, err
	}
	config, err := attributesOf(r.Config, schema)
	if err != nil {
		return nil, err
	}
	if planned, err = p.inherit(config, planned, schema.Block); err != nil {
		return nil, err
	}
	if planned, err = p.label(planned); err != nil {
		return nil, err
	}
	if !prior.IsNull() {
		if out.RequiresReplace, err = replaced(r.TypeName, prior, planned); err != nil {
			return nil, err
		}
	}
	value, err := tfprotov6.NewDynamicValue(kind, planned)
	out.PlannedState = &value
	return out, err
}

// ApplyResourceChange implements tfprotov6.ProviderServer.
func (p *provider) ApplyResourceChange(
	_ context.Context, r *tfprotov6.ApplyResourceChangeRequest,
) (*tfprotov6.ApplyResourceChangeResponse, error) {
	schema := p.resources[r.TypeName]
	kind := schema.ValueType()
	planned, err := r.PlannedState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	out := &tfprotov6.ApplyResourceChangeResponse{NewState: r.PlannedState, Private: r.PlannedPrivate}
	if planned.IsNull() {
		return out, nil
	}
	made, err := p.fill(r.TypeName, planned)
	if err != nil {
		return nil, err
	}
	if made, err = p.label(made); err != nil {
		return nil, err
	}
	value, err := tfprotov6.NewDynamicValue(kind, made)
	out.NewState = &value
	return out, err
}

// ReadDataSource implements tfprotov6.ProviderServer.
func (p *provider) ReadDataSource(
	_ context.Context, r *tfprotov6.ReadDataSourceRequest,
) (*tfprotov6.ReadDataSourceResponse, error) {
	schema := p.dataSources[r.TypeName]
	kind := schema.ValueType()
	config, err := r.Config.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	open, err := plan(config, schema.Block)
	if err != nil {
		return nil, err
	}
	if open, err = p.asked(r.TypeName, open); err != nil {
		return nil, err
	}
	read, err := p.fill(r.TypeName, open)
	if err != nil {
		return nil, err
	}
	value, err := tfprotov6.NewDynamicValue(kind, read)
	return &tfprotov6.ReadDataSourceResponse{State: &value}, err
}

// attributesOf returns the attributes of a value by name.
func attributesOf(value *tfprotov6.DynamicValue, schema *tfprotov6.Schema) (map[string]tftypes.Value, error) {
	v, err := value.Unmarshal(schema.ValueType())
	if err != nil {
		return nil, err
	}
	attributes := map[string]tftypes.Value{}
	return attributes, v.As(&attributes)
}

// text returns the text of a string value, or "" if it is null, unknown or of another type.
func text(v tftypes.Value) string {
	var s string
	if v.Type() == nil || !v.Type().Is(tftypes.String) || v.IsNull() || !v.IsKnown() || v.As(&s) != nil {
		return ""
	}
	return s
}
